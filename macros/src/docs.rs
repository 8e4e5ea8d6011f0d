//! The policy table at the end of the function's rustdoc.

use std::fmt::Write as _;

use proc_macro2::TokenStream;
use quote::quote;
use steadfast_options::{OptionMeta, POLICIES, worst_case};

use crate::args::Given;
use crate::model::Model;

/// The table, as an attribute to stand after the function's own.
pub(crate) fn attribute(model: &Model) -> TokenStream {
    let table = table(model);
    quote!(#[doc = #table])
}

fn table(model: &Model) -> String {
    let mut text = String::from("\n\n# Policy\n\n");
    if model.given.is_empty() {
        text.push_str("`#[resilient]`, with no policy set here.");
    } else {
        text.push_str("| option | value | meaning |\n|---|---|---|\n");
        for given in &model.given {
            row(&mut text, given);
        }
    }
    let _ = write!(text, "\n\nWorst case: {}.", worst_case(&model.patch));
    text
}

fn row(text: &mut String, given: &Given) {
    let path = given.setting.path;
    let (value, meaning) = match meta(path) {
        Some(option) => (format!("`{}`", given.setting.value), option.meaning()),
        None => (
            "defaults".into(),
            POLICIES
                .iter()
                .find(|policy| policy.name == path)
                .map_or("", |policy| policy.meaning),
        ),
    };
    let _ = writeln!(text, "| `{path}` | {} | {} |", cell(&value), cell(meaning));
}

fn meta(path: &str) -> Option<&'static OptionMeta> {
    let mut options = POLICIES.iter().flat_map(|policy| policy.options);
    options.find(|option| option.path == path)
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
