//! What files and variables say, layer by layer.

use steadfast_options::{POLICIES, Place};

use super::Origin;
use super::layered::Given;
use crate::definition::Kind;

/// Whom an entry is about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Target {
    Call(Whom),
    Named(Kind, Whom),
    /// Every policy of a kind.
    Every(Kind),
    EveryCall,
}

/// A name, as files or as variables write it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Whom {
    Name(Box<str>),
    /// Upper case, with one `_` for each run of other characters than letters and digits.
    Form(Box<str>),
}

impl Whom {
    pub(crate) fn is(&self, name: &str) -> bool {
        match self {
            Self::Name(known) => **known == *name,
            Self::Form(form) => **form == form_of(name),
        }
    }
}

/// A name as variables write it.
pub(crate) fn form_of(name: &str) -> String {
    let mut form = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            form.push(c.to_ascii_uppercase());
        } else if !form.ends_with('_') {
            form.push('_');
        }
    }
    form
}

/// Who asks what is said of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<'a> {
    Call(&'a str),
    Named(Kind, &'a str),
}

impl Target {
    pub(crate) fn is(&self, subject: Subject<'_>) -> bool {
        match (self, subject) {
            (Self::Call(whom), Subject::Call(name)) => whom.is(name),
            (Self::Named(kind, whom), Subject::Named(asked, name)) => {
                *kind == asked && whom.is(name)
            }
            (Self::Every(kind), Subject::Named(asked, _)) => *kind == asked,
            (Self::EveryCall, Subject::Call(_)) => true,
            _ => false,
        }
    }
}

/// One setting of one call or policy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) target: Target,
    pub(crate) given: Given,
}

/// The layers of the configuration, those of names above the code and those of `[defaults]` below.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Layers {
    /// From low to high.
    pub(crate) defaults: Vec<Vec<Given>>,
    /// From low to high.
    pub(crate) named: Vec<Vec<Entry>>,
    /// Each name that has a table or a variable of its own.
    pub(crate) mentioned: Vec<(Target, Origin)>,
}

impl Layers {
    /// What the layers above the code say of a call or policy, from low to high.
    pub(crate) fn of(&self, subject: Subject<'_>) -> Vec<Vec<&Given>> {
        let mut all = Vec::new();
        for layer in &self.named {
            let mut said = Vec::new();
            for entry in layer.iter().filter(|entry| entry.target.is(subject)) {
                said.push(&entry.given);
            }
            all.push(said);
        }
        all
    }

    /// The defaults of the options that `tuned` picks, from low to high.
    pub(crate) fn defaults_of(&self, tuned: &dyn Fn(&'static str) -> bool) -> Vec<Vec<&Given>> {
        let mut all = Vec::new();
        for layer in &self.defaults {
            let mut said = Vec::new();
            for given in layer.iter().filter(|given| tuned(given.setting.path)) {
                said.push(given);
            }
            all.push(said);
        }
        all
    }

    /// Whether nothing is said at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.defaults.iter().all(Vec::is_empty) && self.named.iter().all(Vec::is_empty)
    }

    /// Lays what variables say on top, from low to high.
    pub(crate) fn add_variables(&mut self, layers: [Vec<Entry>; 3]) {
        for entry in layers.iter().flatten() {
            let mention = (entry.target.clone(), entry.given.origin.clone());
            self.mentioned.push(mention);
        }
        self.named.extend(layers);
    }

    /// Leaves out what stands in one variable.
    pub(crate) fn leave_out(&mut self, variable: &Origin) {
        for layer in &mut self.named {
            layer.retain(|entry| entry.given.origin != *variable);
        }
        self.mentioned.retain(|(_, origin)| origin != variable);
    }
}

/// Who owns the option of this path, if there is one.
pub(crate) fn owner(path: &str) -> Option<Place> {
    let mut options = POLICIES.iter().flat_map(|policy| policy.options);
    let found = options.find(|option| option.path == path);
    found.map(|option| option.place)
}

#[cfg(test)]
mod tests {
    use super::form_of;

    #[test]
    fn a_run_of_other_characters_is_one_underscore() {
        assert_eq!(
            form_of("checkout::payments::charge"),
            "CHECKOUT_PAYMENTS_CHARGE"
        );
        assert_eq!(form_of("a.-_b"), "A_B");
        assert_eq!(form_of("open-ai.v2@17"), "OPEN_AI_V2_17");
        assert_eq!(form_of("-x-"), "_X_");
    }
}
