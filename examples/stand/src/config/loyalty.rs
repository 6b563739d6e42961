//! The processing that keeps the points of the venue's guests, as the file names it.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use tillway::core::port::processing::Level;
use tillway::engine::KnownBy;
use tillway::loymax::dialect::Letters;
use tillway::loymax::sign::{Certificate, Identity, Profile, Signatures, SigningKey};
use tillway::loymax::{Config, Dialect};

use super::file;
use crate::failure::Failure;

/// The largest file of a key, a certificate or a password.
const BYTES_MAX: u64 = 64 * 1024;
/// How the demo's till is known to the stand's own processing.
const OWN_LOGIN: &str = "TILL-0007";
const OWN_PASSWORD: &str = "demo";

/// A Loymax processing, checked as far as it can be without asking it.
#[derive(Clone, Debug)]
pub(crate) struct Loyalty {
    /// Who we are there.
    pub(crate) till: Config,
    /// Our own certificate, whose time may be over.
    pub(crate) certificate: Option<Certificate>,
    /// It is the stand's own, simulated.
    pub(crate) own: bool,
    /// The guests' points are kept there.
    pub(crate) points: Option<Points>,
}

/// How points at the processing are shown and asked for.
#[derive(Clone, Debug)]
pub(crate) struct Points {
    pub(crate) wallet: Option<Box<str>>,
    pub(crate) known_by: Option<Vec<KnownBy>>,
    pub(crate) rest: Option<Box<str>>,
}

/// The section, where `own` is the simulated processing of a demo.
pub(super) fn loyalty_of(
    section: &file::Loyalty,
    own: Option<SocketAddr>,
) -> Result<Loyalty, Failure> {
    let simulated = own.filter(|_| section.url.is_none());
    let own_url = simulated.map(|address| format!("http://{address}/XmlExchange/demo"));
    let url = own_url.as_deref().or(section.url.as_deref());
    let url = url.ok_or_else(|| wrong("key url: missing"))?;
    let own = simulated.is_some();
    let login = section.login.as_deref().or(own.then_some(OWN_LOGIN));
    let login = login.ok_or_else(|| wrong("key login: missing"))?;
    let mut till = Config::new(url, login, password_of(section, own)?);
    till.level = match section.level {
        file::Level::Minimum => Level::Minimum,
        file::Level::Middle => Level::Middle,
        file::Level::Maximum => Level::Maximum,
    };
    let letters = match section.letters {
        file::Letters::Utf8 => Letters::Utf8,
        file::Letters::Windows1251 => Letters::Windows1251,
    };
    till.dialect = Dialect { letters, ..Dialect::default() };
    let (signatures, certificate) = signatures_of(section)?;
    till.signatures = signatures;
    till.check().map_err(|error| Failure::of("section loyalty", &error))?;
    Ok(Loyalty { till, certificate, own, points: points_of(section)? })
}

fn wrong(what: impl fmt::Display) -> Failure {
    Failure::new(format!("section loyalty, {what}"))
}

fn points_of(section: &file::Loyalty) -> Result<Option<Points>, Failure> {
    let said = section.wallet.is_some() || section.known_by.is_some() || section.rest.is_some();
    if !section.points {
        let text = "keys wallet, known_by and rest: they go with points = true";
        return if said { Err(wrong(text)) } else { Ok(None) };
    }
    let known = |by: &file::KnownBy| match by {
        file::KnownBy::Card => KnownBy::Card,
        file::KnownBy::Phone => KnownBy::Phone,
    };
    let known_by: Option<Vec<KnownBy>> =
        section.known_by.as_ref().map(|all| all.iter().map(known).collect());
    if known_by.as_ref().is_some_and(Vec::is_empty) {
        return Err(wrong("key known_by: empty, so no guest would have points"));
    }
    let text = |text: &Option<String>| text.as_deref().map(Box::from);
    Ok(Some(Points { wallet: text(&section.wallet), known_by, rest: text(&section.rest) }))
}

fn password_of(section: &file::Loyalty, own: bool) -> Result<SecretString, Failure> {
    match (&section.password, &section.password_file) {
        (Some(password), None) => Ok(password.0.expose_secret().into()),
        (None, Some(path)) => {
            let text = read("password_file", path)?;
            Ok(text.trim_end_matches(['\r', '\n']).into())
        }
        (Some(_), Some(_)) => Err(wrong("keys password and password_file: one of them")),
        (None, None) if own => Ok(OWN_PASSWORD.into()),
        (None, None) => Err(wrong("key password: missing, as is password_file")),
    }
}

fn signatures_of(section: &file::Loyalty) -> Result<(Signatures, Option<Certificate>), Failure> {
    let trusted = &section.processing_certificate_files;
    let profile = match section.signature {
        file::Signature::None => Profile::None,
        file::Signature::Detached => Profile::DetachedBody,
        file::Signature::Enveloped => Profile::EnvelopedXmlDsig,
    };
    let files = (&section.key_file, &section.certificate_file, trusted.is_empty());
    let (key, own) = match (profile, files) {
        (Profile::None, (None, None, true)) => return Ok((Signatures::default(), None)),
        (Profile::None, _) => {
            return Err(wrong("key signature: none, and files of keys or certificates are said"));
        }
        (_, (Some(key), Some(own), false)) => (key, own),
        _ => {
            let text = "key signature: it needs key_file, certificate_file and \
                        processing_certificate_files";
            return Err(wrong(text));
        }
    };
    let pem = SecretString::from(read("key_file", key)?.as_str());
    let key = SigningKey::from_pem(&pem).map_err(|error| of_file("key_file", key, &error))?;
    let certificate = certificate("certificate_file", own)?;
    let identity = Identity::try_new(key, certificate.clone());
    let identity = identity.map_err(|error| of_file("certificate_file", own, &error))?;
    let trusted =
        trusted.iter().map(|path| self::certificate("processing_certificate_files", path));
    let trusted = trusted.collect::<Result<Vec<_>, _>>()?;
    Ok((Signatures::new(profile, &identity, &trusted), Some(certificate)))
}

fn certificate(key: &str, path: &Path) -> Result<Certificate, Failure> {
    Certificate::from_pem(&read(key, path)?).map_err(|error| of_file(key, path, &error))
}

fn of_file(key: &str, path: &Path, error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::of(format!("section loyalty, key {key}, {}", path.display()), error)
}

/// The text of a small file; no error repeats any of it.
fn read(key: &str, path: &Path) -> Result<Zeroizing<String>, Failure> {
    let bytes = crate::folder::read_at_most(path, BYTES_MAX);
    let bytes = bytes.map_err(|error| of_file(key, path, &error))?;
    let told = |what: &str| wrong(format!("key {key}, {}: {what}", path.display()));
    let bytes = bytes.ok_or_else(|| told("larger than 64 KiB"))?;
    let text = String::from_utf8(bytes).map_err(|_| told("not a text in UTF-8"))?;
    Ok(Zeroizing::new(text))
}

#[cfg(test)]
mod tests {
    use super::super::{check, file, from_file};
    use super::*;

    const VENUE: &str = "[[till]]\nid = \"till-1\"\ntoken = \"a-long-random-text\"\n\
        [payment_types]\n\"0668e655-15a0-4b5e-ab3c-c7f7003cb8cc\" = \"bonus\"\n";
    const REAL: &str = "url = \"https://loy.example/XmlExchange/venue\"\nlogin = \"TILL-1\"\n";

    fn config(text: &str) -> Result<super::super::Config, String> {
        let file: file::File = toml::from_str(text).unwrap();
        from_file(file, 7_700).map_err(|error| error.to_string())
    }

    fn section(text: &str) -> Result<Loyalty, String> {
        config(&format!("{VENUE}[loyalty]\n{text}")).map(|config| config.loyalty.unwrap())
    }

    fn keys(name: &str) -> String {
        format!("{}/../../crates/loymax/fixtures/keys/{name}.pem", env!("CARGO_MANIFEST_DIR"))
    }

    #[test]
    fn a_demo_without_an_address_has_its_own_processing() {
        let config = config("mode = \"demo\"\n[loyalty]\npoints = true").unwrap();
        assert_eq!(check(&config), Vec::<String>::new());
        let loyalty = config.loyalty.unwrap();
        assert!(loyalty.own && loyalty.points.is_some());
        assert_eq!(&*loyalty.till.url, "http://127.0.0.1:7720/XmlExchange/demo");
        assert_eq!(&*loyalty.till.login, "TILL-0007");
    }

    #[test]
    fn what_a_venue_says_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "hush-hush\n").unwrap();
        let said = format!(
            "{REAL}password_file = '{}'\nlevel = \"maximum\"\nletters = \"windows-1251\"\n\
             signature = \"detached\"\nkey_file = '{}'\ncertificate_file = '{}'\n\
             processing_certificate_files = ['{}']\npoints = true\nwallet = \"Мои баллы\"\n\
             known_by = [\"phone\"]\nrest = \"Cash\"",
            path.display(),
            keys("till.key"),
            keys("till.cert"),
            keys("processing.cert"),
        );
        let loyalty = section(&said).unwrap();
        assert_eq!(loyalty.till.password.expose_secret(), "hush-hush");
        assert_eq!(loyalty.till.level, Level::Maximum);
        assert_eq!(loyalty.till.dialect.letters, Letters::Windows1251);
        assert!(loyalty.certificate.is_some() && !loyalty.own);
        let points = loyalty.points.clone().unwrap();
        assert_eq!(points.known_by, Some(vec![KnownBy::Phone]));
        assert!(!format!("{loyalty:?}").contains("hush-hush"));
    }

    #[test]
    fn each_mistake_names_its_key() {
        let (key, own) = (keys("till.key"), keys("till.cert"));
        let (other, peer) = (keys("foreign.cert"), keys("processing.cert"));
        let signed = |key: &str, own: &str, rest: &str| {
            format!(
                "{REAL}password = \"hush-hush\"\nsignature = \"enveloped\"\nkey_file = '{key}'\n\
                 certificate_file = '{own}'\n{rest}"
            )
        };
        let trusts = format!("processing_certificate_files = ['{peer}']");
        let rows = [
            ("login = \"a\"".to_owned(), "key url: missing"),
            ("url = \"https://h/x\"".to_owned(), "key login: missing"),
            (REAL.to_owned(), "key password: missing"),
            (format!("{REAL}password = \"hush-hush\"\npassword_file = \"x\""), "one of them"),
            (format!("{REAL}password_file = \"/nowhere/at-all\""), "key password_file, /nowhere"),
            (
                "url = \"ftp://h\"\nlogin = \"a\"\npassword = \"hush-hush\"".to_owned(),
                "section loyalty: ",
            ),
            (format!("{REAL}password = \"hush-hush\"\nkey_file = '{key}'"), "key signature: none"),
            (format!("{REAL}password = \"hush-hush\"\nsignature = \"detached\""), "it needs"),
            (signed(&key, &own, ""), "it needs"),
            (signed(&own, &own, &trusts), "key key_file, "),
            (signed(&key, &key, &trusts), "key certificate_file, "),
            (signed(&key, &other, &trusts), "key certificate_file, "),
            (
                signed(&key, &own, &format!("processing_certificate_files = ['{key}']")),
                "key processing_certificate_files, ",
            ),
            (format!("{REAL}password = \"hush-hush\"\nrest = \"Cash\""), "go with points"),
            (
                format!("{REAL}password = \"hush-hush\"\npoints = true\nknown_by = []"),
                "key known_by: empty",
            ),
        ];
        for (text, expected) in rows {
            let error = section(&text).unwrap_err();
            assert!(error.contains(expected), "{expected}: {error}");
            assert!(!error.contains("hush-hush") && !error.contains("BEGIN"), "{error}");
        }
    }

    #[test]
    fn points_need_a_payment_type() {
        let other = VENUE.replace("\"bonus\"", "\"deposit\"");
        let points = format!("[loyalty]\n{REAL}password = \"hush-hush\"\npoints = true");
        let found = check(&config(&format!("{other}{points}")).unwrap());
        assert!(found.iter().any(|line| line.starts_with("loyalty: points")), "{found:?}");
        assert_eq!(check(&config(&format!("{VENUE}{points}")).unwrap()), Vec::<String>::new());
    }
}
