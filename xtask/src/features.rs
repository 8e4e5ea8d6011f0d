//! Every way to build `steadfast` that its list of features allows one by one, read from
//! `cargo metadata`: a new feature is covered without an edit here.

use anyhow::{Context, Result};
use serde_json::Value;

/// A package of the workspace, by name.
pub(crate) fn package<'a>(metadata: &'a Value, name: &str) -> Result<&'a Value> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let mut named = packages.filter(|package| package["name"] == name);
    named
        .next()
        .with_context(|| format!("the workspace has no package `{name}`"))
}

/// The arguments that select no feature, each feature alone, and all of them.
pub(crate) fn selections(package: &Value) -> Result<Vec<Vec<String>>> {
    let features = package["features"]
        .as_object()
        .context("the package lists no features")?;
    let mut selections = vec![args(&["--no-default-features"])];
    for feature in features.keys().filter(|feature| *feature != "default") {
        selections.push(args(&["--no-default-features", "--features", feature]));
    }
    selections.push(Vec::new());
    selections.push(args(&["--all-features"]));
    Ok(selections)
}

fn args(args: &[&str]) -> Vec<String> {
    args.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_feature_stands_alone_once() {
        let package = json!({ "features": { "default": ["http"], "http": [], "tracing": [] } });
        let lines: Vec<_> = selections(&package)
            .unwrap()
            .iter()
            .map(|args| args.join(" "))
            .collect();
        let expected = [
            "--no-default-features",
            "--no-default-features --features http",
            "--no-default-features --features tracing",
            "",
            "--all-features",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_package_is_found_by_its_exact_name() {
        let metadata =
            json!({ "packages": [{ "name": "steadfast-macros" }, { "name": "steadfast" }] });
        assert_eq!(
            package(&metadata, "steadfast").unwrap()["name"],
            "steadfast"
        );
        let error = package(&metadata, "stead").unwrap_err().to_string();
        assert_eq!(error, "the workspace has no package `stead`");
    }

    #[test]
    fn the_workspace_itself_lists_its_features() {
        let metadata = crate::cargo::metadata().unwrap();
        let selections = selections(package(&metadata, "steadfast").unwrap()).unwrap();
        assert!(selections.contains(&args(&["--no-default-features", "--features", "testing"])));
    }
}
