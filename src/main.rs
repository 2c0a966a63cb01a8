fn main() -> std::process::ExitCode {
    orchestrate::interface::run(std::env::args_os())
}
