//! Where a till's processing is: one of our own behind a socket, or a real one.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;
use tillway::core::loyalty::print::{SlipSource, Style};
use tillway::core::port::IdSource;
use tillway::core::port::processing::Level;
use tillway::core::port::{Clock, Spawner};
use tillway::layers::Loyalty;
use tillway::layers::loyalty::LoyaltyConfig;
use tillway::loymax::dialect::Letters;
use tillway::loymax::public::{self, Application, PublicApi};
use tillway::loymax::sign::{Certificate, Identity, Profile, Signatures, SigningKey};
use tillway::loymax::{Config, Loymax, texts};
use tillway::runtime::{RandomIds, TokioClock, TokioSpawner};
use tillway::sim::loymax::Processing;
use tillway::sim::loymax::house::RequestAuth;
use tillway::transport::Runtime;
use tillway::transport::client::{ClientConfig, HyperClient};
use tillway::transport::server::{Server, ServerConfig};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::journal::Journal;
use super::{Failure, Simulated, Till};
use crate::cable::Cable;
use crate::clock::StoryClock;
use crate::desk::{Desk, Names, Screen};
use crate::keys::Whose;
use crate::tape::Tape;

/// How a till reaches its processing. `Debug` shows no secret.
#[derive(Clone)]
pub struct Connection {
    /// Up to the till's login; none takes a simulated processing.
    pub address: Option<String>,
    /// The file of the till's journal; none keeps it in memory. Its key stands beside it, in a file
    /// with `.key` added to the name: who has both reads what guests showed. A simulated processing
    /// forgets everything, so its till needs none.
    pub data: Option<PathBuf>,
    /// The login.
    pub till: String,
    /// Its password.
    pub password: SecretString,
    /// How messages are signed.
    pub profile: Profile,
    /// Keys of a real processing; those of the demo for a simulated one.
    pub certificates: Option<Certificates>,
    /// The letters of messages.
    pub letters: Letters,
    /// Who writes the slip of a payment with points.
    pub slips: SlipSource,
    /// The Public API of a real processing.
    pub web: Option<Web>,
    /// The shop's name, on slips.
    pub shop: String,
    /// Who stands at the till.
    pub cashier: String,
}

/// Keys and certificates, PEM.
#[derive(Clone)]
pub struct Certificates {
    /// The till's key.
    pub key: SecretString,
    /// The till's certificate.
    pub own: String,
    /// The processing's certificate.
    pub peer: String,
}

/// The Public API, and the applications that speak to it.
#[derive(Clone)]
pub struct Web {
    /// Where it is.
    pub address: String,
    /// The till's application: id, secret, where it is sent back to.
    pub till: (String, SecretString, String),
    /// The web shop's.
    pub shop: Option<(String, SecretString, String)>,
}

impl Till {
    /// A till at this processing, which is asked whether it knows the till.
    ///
    /// What the last run left in the journal is ended first: a sale that was paid is confirmed, any
    /// other is cancelled, and what waits is sent. The cashier is told.
    ///
    /// # Errors
    /// The processing is not there, does not know the till, a key cannot be read, or the journal
    /// does not open.
    pub async fn open(connection: Connection, screen: Arc<dyn Screen>) -> Result<Self, Failure> {
        let story = StoryClock::new();
        let clock: Arc<dyn Clock> = match connection.address {
            Some(_) => Arc::new(TokioClock::new()),
            None => Arc::new(story.clone()),
        };
        let (address, web, simulated) = match &connection.address {
            Some(address) => (address.clone(), connection.web.clone(), None),
            None => {
                let (base, simulated) = simulated(story, connection.profile).await?;
                let web = Some(demo_web(&base));
                (format!("{base}/XmlExchange/demo"), web, Some(simulated))
            }
        };
        let cable = Cable::new(http());
        let mut config =
            Config::new(address, connection.till.as_str(), connection.password.clone());
        config.level = Level::Maximum;
        config.dialect.letters = connection.letters;
        config.signatures = signatures(&connection, &*clock)?;
        let loymax = Loymax::try_new(config, Arc::new(cable.clone()), Arc::clone(&clock))?;
        let probed = loymax.probe(RandomIds.fresh()).await;
        probed.map_err(|error| format!("процессинг не отвечает как надо: {error}"))?;
        let journal = Journal::open(connection.data.as_deref()).await?;
        screen.show(&journal.told);
        let desk = desk(&connection, journal, &loymax, &clock, &screen)?;
        let application =
            |of: &(String, SecretString, String), web: &Web| api(&web.address, of, &clock);
        let api = web.as_ref().map(|web| application(&web.till, web)).transpose()?;
        let shop = web.as_ref().and_then(|web| Some(application(web.shop.as_ref()?, web)));
        let tape = Tape::open(Arc::clone(&clock)).await?;
        let till = Self {
            clock,
            screen,
            desk,
            loymax,
            api,
            shop: shop.transpose()?,
            cable,
            tape,
            simulated,
            guest: None,
            lines: Vec::new(),
            coupons: Vec::new(),
            deal: None,
            sold: None,
            registration: None,
            favourites: None,
            orders: BTreeMap::new(),
            reserved: BTreeMap::new(),
        };
        till.recover().await?;
        Ok(till)
    }
}

fn desk(
    connection: &Connection,
    journal: Journal,
    loymax: &Loymax,
    clock: &Arc<dyn Clock>,
    screen: &Arc<dyn Screen>,
) -> Result<Desk, Failure> {
    let config = LoyaltyConfig::new(connection.till.as_str(), journal.keys);
    let (processing, ids) = (Arc::new(loymax.clone()), Arc::new(RandomIds));
    let loyalty = Loyalty::try_new(processing, journal.store, Arc::clone(clock), ids, config)?;
    let names = Names {
        shop: connection.shop.clone(),
        till: connection.till.clone(),
        cashier: connection.cashier.clone(),
    };
    let style = Style { slips: connection.slips, ..texts::style() };
    Ok(Desk::new(loyalty, Arc::clone(screen), names, style))
}

fn http() -> HyperClient {
    HyperClient::new(&ClientConfig::default(), Runtime::tokio())
}

fn api(
    address: &str,
    (id, secret, redirect): &(String, SecretString, String),
    clock: &Arc<dyn Clock>,
) -> Result<PublicApi, Failure> {
    let application = Application {
        id: id.as_str().into(),
        secret: Some(secret.clone()),
        redirect: redirect.as_str().into(),
    };
    let config = public::Config::new(address, application);
    Ok(PublicApi::try_new(config, Arc::new(http()), Arc::clone(clock))?)
}

fn demo_web(address: &str) -> Web {
    let application =
        |name: &str| (format!("{name}-app"), SecretString::from("demo"), format!("app://{name}"));
    Web { address: address.to_owned(), till: application("till"), shop: Some(application("shop")) }
}

fn signatures(connection: &Connection, clock: &dyn Clock) -> Result<Signatures, Failure> {
    if connection.profile == Profile::None {
        return Ok(Signatures::default());
    }
    let (own, peer) = match (&connection.certificates, &connection.address) {
        (Some(files), _) => {
            let key = SigningKey::from_pem(&files.key)?;
            let own = Identity::try_new(key, Certificate::from_pem(&files.own)?)?;
            (own, Certificate::from_pem(&files.peer)?)
        }
        (None, None) => (Whose::Till.identity()?, Whose::Processing.certificate()?),
        (None, Some(_)) => return Err("для подписи нужны ключ и оба сертификата".into()),
    };
    own.certificate().check(clock.now())?;
    Ok(Signatures::new(connection.profile, &own, &[peer]))
}

/// A processing with the books of the demo, served until the till is dropped.
async fn simulated(clock: StoryClock, profile: Profile) -> Result<(String, Simulated), Failure> {
    let processing = Processing::demo(Arc::new(clock.clone()));
    processing.house().with(|store| store.rules.allow_cross_device = true);
    if profile != Profile::None {
        processing.sign(profile, Whose::Processing.identity()?);
        let certificate = Whose::Till.der()?;
        processing.house().with(|store| {
            for till in store.tills.values_mut() {
                till.request_auth = RequestAuth::Signature;
                till.certificate = Some(certificate.clone());
            }
        });
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let (running, ended) = oneshot::channel::<()>();
    let served = processing.clone();
    let serve = async move {
        let server = Server::new(ServerConfig::default(), Runtime::tokio());
        let ended = async move {
            let _ = ended.await;
        };
        server.serve(listener, move |_| served.connect(), ended).await;
    };
    TokioSpawner::new(Handle::current()).spawn("processing", Box::pin(serve));
    Ok((address, Simulated { processing, clock, _running: running }))
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("till", &self.till).finish_non_exhaustive()
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Web").field("address", &self.address).finish_non_exhaustive()
    }
}
