//! `cargo bench -p steadfast-bench`: see the folder's README.

fn main() -> std::process::ExitCode {
    steadfast_bench::main()
}
