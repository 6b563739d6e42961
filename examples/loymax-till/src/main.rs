//! A till at a Loymax processing: sales at each level, a menu, scripts, the report of levels.
#![expect(clippy::print_stdout, reason = "what the cashier sees is what this program is for")]

use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand, ValueEnum};
use loymax_till::desk::Screen;
use loymax_till::levels::Reports;
use loymax_till::till::{Certificates, Connection, Failure, MENU, Next, Till, Web};
use secrecy::SecretString;
use tillway::core::loyalty::print::SlipSource;
use tillway::loymax::dialect::Letters;
use tillway::loymax::sign::Profile;

const EXAMPLES: &str = "\
Примеры:
  loymax-till                                 продажа на каждом уровне, на симуляторе
  loymax-till sale --level minimum            только минимальный уровень
  loymax-till menu                            команды с клавиатуры, список даёт «помощь»
  loymax-till script продажа.txt              команды из файла
  loymax-till report --level maximum          отчёт по уровням: 30 of 30
  loymax-till menu --profile enveloped --encoding windows-1251
  LOYMAX_PASSWORD=… loymax-till menu --address https://host/XmlExchange/project --till TILL-1
  … --address … --data till.db                журнал на диске, переживает выключение";

/// Касса в программе лояльности Loymax: на симуляторе или в настоящем процессинге
#[derive(Debug, Parser)]
#[command(name = "loymax-till", version, after_help = EXAMPLES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Продажа на уровне интеграции: что видит кассир и что получает гость
    Sale {
        /// Уровень; без него — все по очереди
        #[arg(long)]
        level: Option<LevelName>,
    },
    /// Команды с клавиатуры
    Menu,
    /// Команды из файла; первая ошибка останавливает
    Script {
        /// Файл, по команде в строке
        file: PathBuf,
    },
    /// Отчёт: все функции уровня на симуляторе, со всеми подписями и кодировками
    Report {
        /// Уровень
        #[arg(long, default_value = "maximum")]
        level: LevelName,
    },
}

#[derive(Args, Debug)]
struct Options {
    /// Адрес процессинга до имени кассы; без него работает симулятор
    #[arg(long, global = true, value_name = "URL")]
    address: Option<String>,
    /// Журнал кассы на диске (SQLite), его ключ рядом, в FILE.key; без него журнал в памяти. При
    /// запуске незаконченное прошлого раза отправляется. Симулятор всё забывает: только с --address
    #[arg(long, global = true, value_name = "FILE", requires = "address")]
    data: Option<PathBuf>,
    /// Имя (логин) кассы
    #[arg(long, global = true, value_name = "NAME", default_value = "TILL-0007")]
    till: String,
    /// Пароль кассы
    #[arg(
        long,
        global = true,
        value_name = "TEXT",
        env = "LOYMAX_PASSWORD",
        hide_env_values = true
    )]
    #[arg(default_value = "demo", hide_default_value = true)]
    password: SecretString,
    /// Подпись сообщений
    #[arg(long, global = true, value_enum, default_value = "none")]
    profile: ProfileName,
    /// Закрытый ключ кассы, PEM (PKCS#8)
    #[arg(long, global = true, value_name = "FILE", requires_all = ["certificate", "peer"])]
    key: Option<PathBuf>,
    /// Сертификат кассы, PEM
    #[arg(long, global = true, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// Сертификат процессинга, PEM
    #[arg(long, global = true, value_name = "FILE", requires = "key")]
    peer: Option<PathBuf>,
    /// Кодировка сообщений
    #[arg(long, global = true, value_enum, default_value = "utf-8")]
    encoding: Encoding,
    /// Кто пишет слип списания: касса из полей ответа или сервер своим сообщением
    #[arg(long, global = true, value_enum, default_value = "till")]
    slip: SlipName,
    /// Адрес Public API: регистрация, любимые товары, QR
    #[arg(long, global = true, value_name = "URL")]
    public_api: Option<String>,
    /// Приложение кассы в Public API
    #[arg(long, global = true, value_name = "ID", default_value = "till-app")]
    application: String,
    /// Куда приложение возвращает клиента
    #[arg(long, global = true, value_name = "URL", default_value = "app://till")]
    redirect: String,
    /// Секрет приложения
    #[arg(long, global = true, value_name = "TEXT", env = "LOYMAX_SECRET", hide_env_values = true)]
    #[arg(default_value = "demo", hide_default_value = true)]
    secret: SecretString,
    /// Приложение интернет-магазина в Public API, для заказов; секрет тот же
    #[arg(long, global = true, value_name = "ID")]
    shop: Option<String>,
    /// Куда приложение магазина возвращает клиента
    #[arg(long, global = true, value_name = "URL", default_value = "app://shop")]
    shop_redirect: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum LevelName {
    Minimum,
    Middle,
    Maximum,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProfileName {
    None,
    Detached,
    Enveloped,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Encoding {
    #[value(name = "utf-8")]
    Utf8,
    #[value(name = "windows-1251")]
    Windows1251,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SlipName {
    Till,
    Server,
}

struct Console;

impl Screen for Console {
    fn show(&self, text: &str) {
        println!("{text}");
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            println!("Ошибка: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<bool, Failure> {
    let connection = connection(&cli.options)?;
    match cli.command {
        Some(Command::Report { level }) => {
            let reports = Reports::run(level.level()).await;
            println!("{reports}");
            Ok(reports.is_reached())
        }
        Some(Command::Menu) => menu(connection).await,
        Some(Command::Script { file }) => script(connection, &read(&file)?).await,
        Some(Command::Sale { level: Some(level) }) => script(connection, level.script()).await,
        None | Some(Command::Sale { level: None }) => {
            for level in LevelName::value_variants() {
                script(connection.clone(), level.script()).await?;
            }
            Ok(true)
        }
    }
}

/// A till of its own, line by line.
async fn script(connection: Connection, text: &str) -> Result<bool, Failure> {
    let mut till = Till::open(connection, Arc::new(Console)).await?;
    for (number, line) in (1..).zip(text.lines()) {
        println!("{}{line}", if line.starts_with('#') { "\n" } else { "> " });
        let next = till.run(line).await;
        if next.map_err(|why| format!("строка {number}: {why}"))? == Next::Stop {
            break;
        }
    }
    Ok(true)
}

async fn menu(connection: Connection) -> Result<bool, Failure> {
    let mut till = Till::open(connection, Arc::new(Console)).await?;
    println!("{MENU}");
    for line in std::io::stdin().lock().lines() {
        match till.run(&line?).await {
            Ok(Next::Stop) => break,
            Ok(Next::Line) => {}
            Err(why) => println!("Ошибка: {why}"),
        }
    }
    Ok(true)
}

fn connection(options: &Options) -> Result<Connection, Failure> {
    let files = (&options.key, &options.certificate, &options.peer);
    let certificates = match files {
        (Some(key), Some(own), Some(peer)) => {
            Some(Certificates { key: read(key)?.into(), own: read(own)?, peer: read(peer)? })
        }
        _ => None,
    };
    let application =
        |id: &String, back: &String| (id.clone(), options.secret.clone(), back.clone());
    let web = options.public_api.as_ref().map(|address| Web {
        address: address.clone(),
        till: application(&options.application, &options.redirect),
        shop: options.shop.as_ref().map(|id| application(id, &options.shop_redirect)),
    });
    Ok(Connection {
        address: options.address.clone(),
        data: options.data.clone(),
        till: options.till.clone(),
        password: options.password.clone(),
        profile: match options.profile {
            ProfileName::None => Profile::None,
            ProfileName::Detached => Profile::DetachedBody,
            ProfileName::Enveloped => Profile::EnvelopedXmlDsig,
        },
        certificates,
        letters: match options.encoding {
            Encoding::Utf8 => Letters::Utf8,
            Encoding::Windows1251 => Letters::Windows1251,
        },
        slips: match options.slip {
            SlipName::Till => SlipSource::Till,
            SlipName::Server => SlipSource::Server,
        },
        web,
        shop: "Кафе Ромашка".to_owned(),
        cashier: "Кассир 1".to_owned(),
    })
}

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()).into())
}

impl LevelName {
    fn level(self) -> tillway::core::port::processing::Level {
        use tillway::core::port::processing::Level;
        match self {
            Self::Minimum => Level::Minimum,
            Self::Middle => Level::Middle,
            Self::Maximum => Level::Maximum,
        }
    }

    fn script(self) -> &'static str {
        match self {
            Self::Minimum => include_str!("../scripts/minimum.txt"),
            Self::Middle => include_str!("../scripts/middle.txt"),
            Self::Maximum => include_str!("../scripts/maximum.txt"),
        }
    }
}
