//! The program `warmline`.

fn main() -> std::process::ExitCode {
    warmline::cli::run()
}
