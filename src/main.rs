fn main() {
    let args: Vec<std::ffi::OsString> = std::env::args_os().collect();
    if args.get(1).is_some_and(|word| word == "inner") {
        eprintln!("orchestrate: {}", orchestrate::edge::sandbox::inner(&args[2..]));
        std::process::exit(10);
    }
    println!("orchestrate");
}
