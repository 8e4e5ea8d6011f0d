//! Runs drills, and is the nodes that they run.

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    steadfast_drills::cli::main()
}

#[cfg(not(unix))]
fn main() {
    eprintln!("drills need a system that Redis runs on");
    std::process::exit(2);
}
