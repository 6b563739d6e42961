//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Guest accounts for the tills of a restaurant: one binary with store, HTTP APIs and simulators.
///
/// Without a command it serves, on demo data, until Ctrl-C. Commands talk to the running stand, or
/// open its data folder when none runs.
#[derive(Debug, Parser)]
#[command(name = "stand", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples (with cargo: `cargo run -- …`):
  stand                                 serve the demo; http://127.0.0.1:7700/ shows what runs
  stand --fresh                         serve the demo, from its first data again
  stand --port-base 8700                page on 8700, till 1 on 8710
  stand --config venue.toml --data /var/lib/tillway
  stand check-config --config venue.toml
  stand sim atol                        a fiscal register alone, on 16732
  stand sim dualconnector               a card terminal alone, on 9015
  stand sim loymax                      a Loymax processing alone, on 7720
  stand sim sberbank                    a folder with sb_pilot in it, simulated
  stand demo table                      the story of a paid bill, told and checked
  stand demo loymax --level maximum     what a till can do at a Loymax processing
  stand guest show 149725735
  stand till pair till-1 phone-7
  stand backup tillway-monday.db        a copy while the stand runs";

/// What is logged while serving, unless somebody says otherwise.
pub(crate) const LOG_DEFAULT: &str = "info";

/// The heading of the options that all commands take.
const EVERYWHERE: &str = "Options of every command";

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// A configuration of your own; without it the demo runs
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where the data lives
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "DIR", default_value = "./data")]
    pub(crate) data: PathBuf,
    /// Port of the page; till 1 listens 10 above, the simulated processing 20, the
    /// terminal 1315, the register 9032
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "N", default_value_t = 7700)]
    pub(crate) port_base: u32,
    /// What to log, as `info` or `warn,tillway_waiter=debug`
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FILTER", env = "RUST_LOG")]
    #[arg(default_value = LOG_DEFAULT)]
    pub(crate) log: String,
    /// How to log: lines for people, or one JSON object a line
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FORMAT", value_enum)]
    #[arg(default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// Throw the demo data away and begin again; refused where anything is not demo
    #[arg(long)]
    pub(crate) fresh: bool,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve until Ctrl-C (what runs without a command)
    #[command(after_help = "Example:\n  stand serve --config venue.toml --data /var/lib/tillway")]
    Serve,
    /// Play a story on simulators, on a store and ports of its own, and check the books
    #[command(subcommand)]
    Demo(Demo),
    /// Guests, their carriers and accounts
    #[command(subcommand)]
    Guest(Guest),
    /// Tills and the devices that are paired with them
    #[command(subcommand)]
    Till(Till),
    /// One simulator alone, for systems of your own
    #[command(subcommand)]
    Sim(Sim),
    /// The bank's program of a Sberbank terminal, simulated, in the folder where it is started
    #[command(hide = true, disable_help_flag = true)]
    SbPilot {
        /// As the real one takes them: `1 12500 0 0 /q=A1B2C3D4`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// The clock of this machine: while it is far from what the book says, new money waits
    #[command(subcommand)]
    Clock(Clock),
    /// Payments with points that a loyalty processing does not settle by itself
    #[command(subcommand)]
    Points(Points),
    /// Say what cannot be right in a configuration, and ask its devices
    ///
    /// Nothing is printed, no money moves. Exit code 1 when anything is wrong.
    #[command(after_help = "Example:\n  stand check-config --config venue.toml")]
    CheckConfig,
    /// Look through the store: the file, every sum, every chain, the digests of past days
    ///
    /// Reads everything: for quiet hours. Exit code 1 when anything does not hold.
    #[command(after_help = "Example:\n  stand check --data /var/lib/tillway")]
    Check,
    /// Copy the store into a new file while the stand runs, and check the copy
    #[command(after_help = "Example:\n  stand backup /mnt/backup/tillway-monday.db")]
    Backup {
        /// The new file; one named after it, with `.stand.toml` added, says whose data it is
        file: PathBuf,
    },
    /// Put a backup where the store was, after checking it; the stand must not run
    #[command(after_help = "Examples:\n  stand restore tillway-monday.db --data new-folder\n  \
                            stand restore tillway-monday.db --replace")]
    Restore {
        /// What `stand backup` wrote
        file: PathBuf,
        /// Move the store that is there aside, under the date of today
        #[arg(long)]
        replace: bool,
    },
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Demo {
    /// A guest pays order 82 with points and a deposit, then gets it back
    #[command(after_help = "Example:\n  stand demo table")]
    Table,
    /// Thirty functions of a till at a Loymax processing, tried over HTTP, and the report of them
    ///
    /// Each is tried without signatures, with detached and with enveloped ones, in UTF-8 and in
    /// windows-1251. Exit code 1 when anything does not pass.
    #[command(after_help = "Examples:\n  stand demo loymax\n  \
                            stand demo loymax --level minimum")]
    Loymax {
        /// The level of integration whose functions are tried
        #[arg(long, value_enum, default_value_t = LoymaxLevel::Maximum)]
        level: LoymaxLevel,
    },
}

/// A level of integration.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum LoymaxLevel {
    /// 10 functions
    Minimum,
    /// 20 functions
    Middle,
    /// 30 functions
    Maximum,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Sim {
    /// ATOL's web server with a fiscal register behind it, whose tape is shown here
    ///
    /// It listens on 16732, 9032 above the port of the page. What was printed is gone when it
    /// stops. `GET /sim/tape` shows the tape too, `POST /sim/fault` makes faults.
    #[command(after_help = "Examples:\n  stand sim atol\n  \
                            stand sim atol --generation v1 --latency-ms 1500\n  \
                            stand sim atol --user till:secret\n  \
                            curl -s http://127.0.0.1:16732/sim/fault -d '{\"paper\":0}'")]
    Atol(SimAtol),
    /// INPAS DualConnector with a card terminal behind it, whose operations are shown here
    ///
    /// It listens on 9015, 1315 above the port of the page. What was paid is forgotten when it
    /// stops. `GET /sim/tape` shows the operations too, `POST /sim/step` says what the next one
    /// comes to: `decide` is approve, partial, offline, decline, abort, noLink, takenAndLost or
    /// lost; `answer` is whole, cutBefore, cutHalf, half, broken, noStatus or foreign.
    #[command(after_help = "Examples:\n  stand sim dualconnector\n  \
                            stand sim dualconnector --card-ms 5000\n  \
                            curl -s http://127.0.0.1:9015/sim/step -d '{\"decide\":\"decline\"}'\n  \
                            curl -s http://127.0.0.1:9015/sim/step -d \
                            '{\"decide\":\"takenAndLost\"}'")]
    Dualconnector(SimDualConnector),
    /// A Loymax processing with guests, cards, coupons and points, whose requests are shown here
    ///
    /// It listens on 7720, 20 above the port of the page: project demo, till TILL-0007, password
    /// demo; the guest 79990000001 has the card 2990000000019 and 250.00 points. What was sold is
    /// forgotten when it stops. `GET /sim/house` shows points and purchases, `GET /sim/tape` the
    /// requests; `POST /sim/fault` says what goes wrong with the next one, or with the next that
    /// has the command `at`: refused, lostBefore, lostAfter, http, truncated, code, messageCode,
    /// noVersion, reordered, renumbered, noCheque, badSignature, noSignature, slow or skew.
    /// `POST /sim/seed` lets chance decide, `POST /sim/clock` moves its clock, `POST /sim/rules` sets
    /// it up in another way, `POST /sim/qr` makes the QR code of a card.
    #[command(after_help = "Examples:\n  stand sim loymax\n  \
                            curl -s http://127.0.0.1:7720/sim/house\n  \
                            curl -s http://127.0.0.1:7720/sim/qr -d '{\"card\":\"2990000000019\"}'\n  \
                            curl -s http://127.0.0.1:7720/sim/fault -d \
                            '{\"fault\":\"lostAfter\",\"at\":\"Pay\"}'\n  \
                            curl -s http://127.0.0.1:7720/sim/seed -d \
                            '{\"seed\":7,\"permille\":100}'\n  \
                            curl -s http://127.0.0.1:7720/sim/rules -d \
                            '{\"duplicates\":\"reject\",\"refundType\":\"bonusFirst\"}'")]
    Loymax,
    /// The folder of a Sberbank terminal with the bank's program in it, whose runs are shown here
    ///
    /// The program is this one under the name `sb_pilot`; it runs whether or not this command does,
    /// and what was paid stays in the folder. `http://127.0.0.1:9016/sim/tape`, 1316 above the port
    /// of the page, shows the runs too; `POST /sim/step` says what the next one that asks the bank
    /// comes to: `bank` is obeys, notAsked or {"refuses":4451}; `says` is truth, nothing, half, old,
    /// foreign, firstLine, hangs or {"code":99}; `takesMs` and `exit`. The variable SB_PILOT_STEP
    /// says it for one run of the program.
    #[command(after_help = "Examples:\n  stand sim sberbank\n  \
                            stand sim sberbank --folder /tmp/sber\n  \
                            curl -s http://127.0.0.1:9016/sim/step -d \
                            '{\"says\":{\"code\":99}}'\n  \
                            SB_PILOT_STEP='{\"bank\":{\"refuses\":4451}}' ./sb_pilot 1 12500")]
    Sberbank(SimSberbank),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct SimSberbank {
    /// The terminal's folder; `sberbank` in the data folder without it
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct SimDualConnector {
    /// How long a guest takes to show a card
    #[arg(long, value_name = "MS", default_value_t = 500)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=300_000))]
    pub(crate) card_ms: u32,
    /// What the first operations come to: a list of what `/sim/step` takes
    #[arg(long, value_name = "JSON", env = "DUALCONNECTOR_STEPS")]
    pub(crate) steps: Option<String>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct SimAtol {
    /// Which server of ATOL's it is
    #[arg(long, value_name = "GENERATION", value_enum, default_value_t = Generation::WebRequests)]
    pub(crate) generation: Generation,
    /// How long a task takes that prints
    #[arg(long, value_name = "MS", default_value_t = 0)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=60_000))]
    pub(crate) latency_ms: u32,
    /// A user that every call must name; only Web Requests knows users
    #[arg(long, value_name = "NAME:PASSWORD")]
    pub(crate) user: Option<String>,
}

/// The generations of ATOL's web server.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Generation {
    /// The oldest, with errors beside the status
    V1Flat,
    /// Without prefix and devices
    V1,
    /// `/api/v2`, in Java
    Java,
    /// АТОЛ. Web Requests
    WebRequests,
}

/// Which guest: a client id, a card, or the guest's UUID.
#[derive(Args, Clone, Debug)]
pub(crate) struct Who {
    /// Client id, card, or UUID of the guest
    #[arg(value_name = "GUEST")]
    pub(crate) guest: String,
}

/// Which account, when the guest has several.
#[derive(Args, Clone, Debug)]
pub(crate) struct Which {
    /// bonus, deposit, credit, or the account's UUID
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) account: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Guest {
    /// All guests
    #[command(after_help = "Example:\n  stand guest list")]
    List {
        /// How many at most
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// One guest with accounts and carriers
    #[command(after_help = "Examples:\n  stand guest show 10542\n  stand guest show 149725735")]
    Show(Who),
    /// A new guest
    #[command(after_help = "Example:\n  stand guest add 10600 --first Пётр --last Ким \
                            --card 149725999 --bonus --deposit 0")]
    Add(Box<AddGuest>),
    /// Give a guest a card, bracelet or printed code; or block one that is lost
    #[command(after_help = "Examples:\n  stand guest carrier 10600 04:5E:3A:7C:91:2B:80\n  \
                            stand guest carrier 10600 149725999 --block")]
    Carrier {
        #[command(flatten)]
        who: Who,
        /// What a reader yields
        alias: String,
        /// It is lost: nobody checks in with it
        #[arg(long, conflicts_with = "unblock")]
        block: bool,
        /// It was found
        #[arg(long)]
        unblock: bool,
    },
    /// Money into a deposit or credit account, whose receipt was printed elsewhere
    #[command(after_help = "Example:\n  stand guest top-up 10600 1500.00 --account deposit")]
    TopUp(PayIn),
    /// Points into a bonus account
    #[command(after_help = "Example:\n  stand guest accrue 10600 250")]
    Accrue(PayIn),
    /// How far below zero an account may go
    #[command(after_help = "Example:\n  stand guest overdraft 10600 5000 --account credit")]
    Overdraft {
        #[command(flatten)]
        who: Who,
        /// In rubles: 5000 or 5000.00
        amount: String,
        #[command(flatten)]
        which: Which,
    },
    /// Block a guest, or one account
    #[command(after_help = "Examples:\n  stand guest block 10600\n  \
                            stand guest block 10600 --account credit")]
    Block {
        #[command(flatten)]
        who: Who,
        #[command(flatten)]
        which: Which,
    },
    /// Take the block away
    #[command(after_help = "Example:\n  stand guest unblock 10600")]
    Unblock {
        #[command(flatten)]
        who: Who,
        #[command(flatten)]
        which: Which,
    },
    /// Movements of an account, newest first
    #[command(after_help = "Example:\n  stand guest statement 149725735 --account deposit")]
    Statement {
        #[command(flatten)]
        who: Who,
        #[command(flatten)]
        which: Which,
        /// How many at most
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// A dynamic token to scan instead of a card: good once, for at most 120 seconds
    #[command(after_help = "Example:\n  stand guest qr 149725735 --seconds 60")]
    Qr {
        #[command(flatten)]
        who: Who,
        /// How long it is good
        #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=120))]
        seconds: u64,
    },
    /// Set or remove the photo
    #[command(after_help = "Examples:\n  stand guest photo 10600 anna.jpg\n  \
                            stand guest photo 10600 --remove")]
    Photo {
        #[command(flatten)]
        who: Who,
        /// JPEG or PNG of at most 512 KiB
        #[arg(required_unless_present = "remove", conflicts_with = "remove")]
        file: Option<PathBuf>,
        /// Remove it
        #[arg(long)]
        remove: bool,
    },
}

#[derive(Args, Debug)]
pub(crate) struct AddGuest {
    /// The guest's number in the venue's own system
    pub(crate) client_id: String,
    /// The words the guest wants to hear
    #[arg(long)]
    pub(crate) salutation: Option<String>,
    /// First name
    #[arg(long)]
    pub(crate) first: Option<String>,
    /// Patronymic
    #[arg(long)]
    pub(crate) patronymic: Option<String>,
    /// Last name
    #[arg(long)]
    pub(crate) last: Option<String>,
    /// Phone number
    #[arg(long)]
    pub(crate) phone: Option<String>,
    /// Card, bracelet or code; the first one is shown in iikoFront
    #[arg(long)]
    pub(crate) card: Vec<String>,
    /// Article number of a gift dish
    #[arg(long)]
    pub(crate) gift: Vec<String>,
    /// Hint for the waiter
    #[arg(long)]
    pub(crate) hint: Vec<String>,
    /// Open a bonus account
    #[arg(long)]
    pub(crate) bonus: bool,
    /// Open a deposit with this overdraft in rubles
    #[arg(long, value_name = "OVERDRAFT")]
    pub(crate) deposit: Option<String>,
    /// Open a credit account with this limit in rubles
    #[arg(long, value_name = "LIMIT")]
    pub(crate) credit: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct PayIn {
    #[command(flatten)]
    pub(crate) who: Who,
    /// In rubles or points: 1500 or 1500.00
    pub(crate) amount: String,
    #[command(flatten)]
    pub(crate) which: Which,
    /// UUID of the operation: the same one again changes nothing
    #[arg(long, value_name = "UUID")]
    pub(crate) operation: Option<String>,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Till {
    /// All tills, where they listen, and their devices
    #[command(after_help = "Example:\n  stand till list")]
    List,
    /// Pair a device with a till: one device per till, one till per device
    #[command(after_help = "Example:\n  stand till pair till-1 phone-7")]
    Pair(Pair),
    /// Take a device off its till
    #[command(after_help = "Example:\n  stand till unpair till-1 phone-7")]
    Unpair(Pair),
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Clock {
    /// What speaks against the clock, if anything does
    #[command(after_help = "Example:\n  stand clock show")]
    Show,
    /// Say that the clock is right as it stands: new money moves again
    #[command(after_help = "Example:\n  stand clock confirm")]
    Confirm,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Points {
    /// What waits for a person, and why
    #[command(after_help = "Example:\n  stand points list")]
    List,
    /// Tell the processing again: what was wrong has been put right
    #[command(after_help = "Example:\n  stand points retry 6b1f0d6e7a534a5c9a710d0b5f1c2a01 \
                            --by Irina")]
    Retry(Judged),
    /// It came about as it stands at the processing: make it final there
    #[command(after_help = "Example:\n  stand points confirm 6b1f0d6e7a534a5c9a710d0b5f1c2a01 \
                            --by Irina")]
    Confirm(Judged),
    /// Take all of it back at the processing; the book stays as it is
    #[command(after_help = "Example:\n  stand points cancel 6b1f0d6e7a534a5c9a710d0b5f1c2a01 \
                            --by Irina")]
    Cancel(Judged),
    /// Send nothing more: it was settled with the people of the processing
    #[command(after_help = "Example:\n  stand points drop 6b1f0d6e7a534a5c9a710d0b5f1c2a01 \
                            --by Irina")]
    Drop(Judged),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Judged {
    /// The purchase's number, from the list
    pub(crate) purchase: String,
    /// Who says so; it is stored
    #[arg(long)]
    pub(crate) by: String,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Pair {
    /// The till
    pub(crate) till: String,
    /// The device
    pub(crate) device: String,
}
