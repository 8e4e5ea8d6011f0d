//! `std::io::Error`.

use std::io::ErrorKind;

use super::{Class, Classify, class_of_chain};

impl Classify for std::io::Error {
    /// An inner error is looked into first, then the kind counts.
    fn classify(&self) -> Class {
        let inner = self.get_ref().and_then(|inner| class_of_chain(inner));
        inner.unwrap_or_else(|| of_kind(self.kind()))
    }
}

fn of_kind(kind: ErrorKind) -> Class {
    match kind {
        ErrorKind::TimedOut => Class::Timeout,
        ErrorKind::NotFound | ErrorKind::AlreadyExists => Class::Expected,
        ErrorKind::PermissionDenied
        | ErrorKind::InvalidInput
        | ErrorKind::InvalidData
        | ErrorKind::Unsupported => Class::Permanent,
        // Reset, refused, aborted, broken pipe, unexpected end, interrupted, host or network
        // unreachable, and whatever is not known.
        _ => Class::Transient,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::Rejection;

    #[test]
    fn an_inner_error_is_looked_into_first() {
        let inner = Rejection::Timeout {
            limit: std::time::Duration::from_secs(1),
        };
        let error = io::Error::new(ErrorKind::NotFound, inner);
        assert_eq!(error.classify(), Class::Timeout);
        assert_eq!(
            io::Error::new(ErrorKind::NotFound, "gone").classify(),
            Class::Expected
        );
    }

    #[test]
    fn kinds_have_the_classes_of_the_contract() {
        use ErrorKind as K;
        let transient = [
            K::ConnectionReset,
            K::ConnectionRefused,
            K::ConnectionAborted,
            K::BrokenPipe,
            K::UnexpectedEof,
            K::Interrupted,
            K::HostUnreachable,
            K::NetworkUnreachable,
        ];
        for kind in transient {
            assert_eq!(of_kind(kind), Class::Transient, "{kind}");
        }
        for kind in [
            K::PermissionDenied,
            K::InvalidInput,
            K::InvalidData,
            K::Unsupported,
        ] {
            assert_eq!(of_kind(kind), Class::Permanent, "{kind}");
        }
        assert_eq!(of_kind(K::TimedOut), Class::Timeout);
        assert_eq!(of_kind(K::AlreadyExists), Class::Expected);
    }
}
