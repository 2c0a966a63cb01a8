fn main() {
    println!("orchestrate");
}
