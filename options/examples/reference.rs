//! Prints the reference page; `cargo xtask options` writes it to `OPTIONS.md`.

fn main() {
    print!("{}", steadfast_options::reference_page());
}
