//! Keys and certificates of tests, valid from 2020 to 2119. Nothing else knows them.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]

use tillway_loymax::sign::{Certificate, Identity, SigningKey};

fn file(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}

pub fn path(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/keys").join(name)
}

pub fn key_pem(name: &str) -> String {
    file(&format!("{name}.key.pem"))
}

pub fn certificate(name: &str) -> Certificate {
    Certificate::from_pem(&file(&format!("{name}.cert.pem"))).unwrap()
}

pub fn identity(name: &str) -> Identity {
    let key = SigningKey::from_pem(&key_pem(name).into()).unwrap();
    Identity::try_new(key, certificate(name)).unwrap()
}
