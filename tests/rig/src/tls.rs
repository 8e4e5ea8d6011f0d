//! Certificates, made anew for each test.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};

use crate::Folder;

/// Who vouches for the certificates of a test.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: Folder,
    made: AtomicU32,
}

/// A certificate and its key, as PEM files that last as long as their authority.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The file of the certificate.
    pub cert: PathBuf,
    /// The file of the private key.
    pub key: PathBuf,
}

impl Authority {
    /// One that nobody knows yet.
    ///
    /// # Panics
    ///
    /// Where its files cannot be written.
    #[must_use]
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
            .distinguished_name
            .push(DnType::CommonName, "steadfast tests");
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        let folder = Folder::new().expect("a folder");
        folder.write("ca.pem", &issuer.pem()).expect("a file");
        Self {
            issuer,
            folder,
            made: AtomicU32::new(0),
        }
    }

    /// The file of its own certificate, which those who trust it are given.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.folder.file("ca.pem")
    }

    /// A certificate for this name and 127.0.0.1, for a server or a client.
    ///
    /// # Panics
    ///
    /// Where its files cannot be written.
    #[must_use]
    pub fn identity(&self, name: &str) -> Identity {
        let names = vec![name.to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).expect("a name");
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, &self.issuer).expect("a certificate");
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let write = |kind, pem: &str| {
            let file = format!("{number}.{kind}.pem");
            self.folder.write(&file, pem).expect("a file")
        };
        Identity {
            cert: write("cert", &cert.pem()),
            key: write("key", &key.serialize_pem()),
        }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
