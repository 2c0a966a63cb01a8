fn main() {
    let args: Vec<std::ffi::OsString> = std::env::args_os().collect();
    if args.get(1).is_some_and(|word| word == "inner") {
        let failure = orchestrate::edge::sandbox::inner(&args[2..]);
        eprintln!("orchestrate: {failure}\n  try: {}", failure.hint);
        std::process::exit(10);
    }
    println!("orchestrate");
}
