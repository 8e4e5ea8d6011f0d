//! Prints the JSON Schema of configuration files; `cargo xtask schema` writes it to
//! `steadfast.schema.json`.

fn main() {
    print!("{}", steadfast_options::schema());
}
