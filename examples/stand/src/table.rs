//! `demo table`: the story of a bill paid at the table, told as the waiter sees it, and the books
//! checked afterwards. It has a store and ports of its own.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tillway::core::Kopecks;
use tillway::core::book::{Status, StreamKind, audit};
use tillway::core::port::{AccountBook, Clock, Journal, Query};
use tillway::sim::Stop;
use tillway::sim::fault::Hooks;
use tillway::sim::iiko_front::{FrontSim, OrderLine, OrderStatus};
use tillway::sim::waiter_server::{Seen, WaiterConfig, WaiterSim, Which};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::Config;
use crate::demo;
use crate::failure::Failure;
use crate::folder::Folder;
use crate::front::{client, front};
use crate::say;
use crate::serve::serve_till;
use crate::stand::{Stand, listen};

const NUMBER: u32 = 82;
const BONUS_PART: Kopecks = Kopecks(75_000);

/// How often the plugin may send its outbox until it is empty.
const DRAINS_MAX: u32 = 5;

/// Plays the story.
pub(crate) async fn play() -> Result<(), Failure> {
    let folder = tempfile::tempdir();
    let folder = folder.map_err(|error| Failure::of("no temporary folder", &error))?;
    // The port is only a number here: the listener below takes a free one.
    let config = Config::load(None, 1)?;
    let stand = Stand::open(&config, Folder::open(folder.path())?).await?;
    let till = config.tills.first().ok_or_else(|| Failure::new("the demo has no till"))?;
    let listener = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let at = listener.local_addr().map_err(|error| Failure::of("the listener", &error))?;
    let (stop, stopping) = watch::channel(false);
    let mut servers = JoinSet::new();
    serve_till(&config, &stand, till, listener, &stopping, &mut servers)?;

    let plugin = Stop::new();
    let (front, hooks) = front(till, at, Arc::clone(&stand.clock) as Arc<dyn Clock>, true);
    front.run(&stand.spawner, &plugin);
    let phone = WaiterSim::new(WaiterConfig::new(format!("http://{at}")), front.clone(), client());
    let table = Table { front, phone, hooks, stand: &stand };
    say("Сервис, касса и телефон официанта запущены: свои порты, свои данные, настоящий HTTP.");
    let told = tokio::select! {
        told = table.tell() => told,
        () = async { stand.engine.keeper().run().await } => Err(Failure::new("the keeper ended")),
        Some(_) = servers.join_next() => Err(Failure::new("the listener ended")),
    };
    plugin.stop();
    stop.send_replace(true);
    while servers.join_next().await.is_some() {}
    told
}

/// Till, phone and service.
struct Table<'a> {
    front: FrontSim,
    phone: WaiterSim,
    hooks: Hooks,
    stand: &'a Stand,
}

impl Table<'_> {
    async fn tell(&self) -> Result<(), Failure> {
        let total = self.open()?;
        self.check_in().await?;
        let before = self.balances().await?;
        self.pay(total).await?;
        let paid = self.balances().await?;
        say(&format!("   На счетах теперь: {}.", spoken(&paid)));
        self.give_back().await?;
        let after = self.balances().await?;
        say(&format!("   На счетах снова: {}.", spoken(&after)));
        self.settle().await?;
        say("");
        say("Проверка");
        let mut faults = Vec::new();
        let expected = [("Бонусы", 8_411_500), ("Депозит", 10_004_100)];
        let expected = expected.map(|(name, kopecks)| (name.to_owned(), Kopecks(kopecks)));
        checked(
            &mut faults,
            "после оплаты списано 750,00 и 900,00",
            paid == BTreeMap::from(expected),
        );
        checked(&mut faults, "после возврата на счетах то же, что до оплаты", before == after);
        self.check_books(&mut faults).await?;
        if faults.is_empty() {
            say("");
            say("Всё сходится.");
            return Ok(());
        }
        Err(Failure::new(format!("не сходится: {}", faults.join("; "))))
    }

    fn open(&self) -> Result<Kopecks, Failure> {
        let lines = self.front.config().demo_lines.clone();
        let total = Kopecks::total(lines.iter().map(|line| line.amount))?;
        self.front.open_order(demo::ORDER_82, NUMBER, lines.clone())?;
        say("");
        say(&format!("1. Официант открывает заказ {NUMBER} на {}:", total.for_people()));
        for OrderLine { name, quantity, amount, .. } in &lines {
            say(&format!("   {name} × {quantity} = {}", amount.for_people()));
        }
        Ok(total)
    }

    async fn check_in(&self) -> Result<(), Failure> {
        say("2. «Чекин»: официант считывает карту гостя.");
        done(&self.phone.check_in(demo::ORDER_82, demo::CARD, &demo::PIN.into()).await)?;
        let order = self.front.order(demo::ORDER_82);
        let client = order.and_then(|order| order.clients.first().copied());
        let name = client.and_then(|client| self.front.client_name(client)).unwrap_or_default();
        say(&format!("   Касса привязала гостя к заказу: {name}."));
        let page = self.phone.show(demo::ORDER_82).await.map_err(|seen| seen_instead(&seen))?;
        let page = page.ok_or_else(|| Failure::new("гость не показан"))?;
        say("3. На экране гость:");
        for wallet in &page.wallets {
            say(&format!("   {} {}", wallet.name, wallet.balance.for_people()));
        }
        say(&format!("   Подсказки: {}.", page.suggestions.join(", ")));
        say(&format!("   Подарки, артикулы: {}.", page.skus.join(", ")));
        if let Some(photo) = page.photo {
            say(&format!("   Фото: {} байт.", photo.len()));
        }
        Ok(())
    }

    async fn pay(&self, total: Kopecks) -> Result<(), Failure> {
        let page = self.phone.payment_page(demo::ORDER_82).await;
        let mut page = page.map_err(|seen| seen_instead(&seen))?;
        say("4. «Оплата»:");
        let show = |page: &tillway::sim::waiter_server::PaymentScreen| {
            for which in [Which::Bonus, Which::Money] {
                let line = page.line(which);
                let known = self.front.config().payment_type(line.type_id);
                let name = known.map_or("?", |known| known.name.as_str());
                say(&format!(
                    "   {name:<18} можно до {:>10}   {:>8}",
                    line.limit.for_people(),
                    line.amount.for_people()
                ));
            }
        };
        page.choose(Which::Money);
        show(&page);
        page.enter(Which::Bonus, BONUS_PART).map_err(|error| Failure::new(error.to_string()))?;
        say(&format!(
            "   Официант вводит {} на бонусы; остаток сам переходит на вторую строку:",
            BONUS_PART.for_people()
        ));
        show(&page);
        say(&format!("5. «Оплатить» {}.", total.for_people()));
        done(&self.phone.pay(demo::ORDER_82, &page).await)?;
        let order = self.front.order(demo::ORDER_82);
        let closed = order.is_some_and(|order| order.status == OrderStatus::Closed);
        if !closed {
            return Err(Failure::new("заказ не закрыт"));
        }
        say("   Оплачено, заказ закрыт.");
        self.receipts(false);
        Ok(())
    }

    async fn give_back(&self) -> Result<(), Failure> {
        say("6. Гость возвращает весь заказ.");
        self.front.return_all(demo::ORDER_82).await?;
        self.receipts(true);
        Ok(())
    }

    fn receipts(&self, of_returns: bool) {
        let what = if of_returns { "Чек возврата" } else { "Чек" };
        for receipt in self.front.receipts().iter().filter(|one| one.is_return == of_returns) {
            let line = |(name, sum): &(String, Kopecks)| format!("{name} {}", sum.for_people());
            let payments: Vec<_> = receipt.payments.iter().map(line).collect();
            say(&format!("   {what}: {}.", payments.join(", ")));
        }
    }

    /// The plugin tells what it still has to tell.
    async fn settle(&self) -> Result<(), Failure> {
        for _ in 0..DRAINS_MAX {
            self.front.drain().await?;
            if self.front.outbox().is_empty() {
                break;
            }
        }
        self.stand.engine.keeper().look().await;
        Ok(())
    }

    /// What is available on the guest's accounts.
    async fn balances(&self) -> Result<BTreeMap<String, Kopecks>, Failure> {
        let anna = demo::guests().into_iter().next().map(|demo| demo.guest.id);
        let anna = anna.ok_or_else(|| Failure::new("the demo has no guest"))?;
        let accounts = self.stand.store.accounts(anna).await?;
        let pair =
            |account: &tillway::core::Account| Ok((account.name.to_string(), account.available()?));
        accounts.iter().map(pair).collect()
    }

    async fn check_books(&self, faults: &mut Vec<String>) -> Result<(), Failure> {
        let book = self.stand.store.audit().await?;
        checked(faults, "двойная запись: все суммы книги сходятся к нулю", audit(&book).is_ok());
        let whole = self.stand.store.check().await;
        checked(faults, "файл базы цел", whole.is_ok());

        let mut taken = BTreeMap::new();
        for payment in &book.payments {
            taken.insert(payment.id.0, payment.live()?);
        }
        let iiko = self.front.books()?;
        let same = iiko.compare(&taken)?.is_empty() && taken.len() == 2;
        checked(faults, "у гостя взято ровно то, что в iiko проведено за вычетом возвратов", same);
        let ours = Kopecks::total(taken.values().copied())?;
        checked(
            faults,
            "в iiko осталось 0,00, у нас осталось 0,00",
            ours == iiko.net()? && ours.is_zero(),
        );

        let open = self.heads(Some(StreamKind::Payment), Status::Open).await?;
        let asks = self.heads(None, Status::NeedsPerson).await?;
        checked(faults, "нет незавершённых оплат и вопросов к человеку", open == 0 && asks == 0);
        let quiet = self.front.outbox().is_empty() && self.front.dead_records().is_empty();
        checked(faults, "плагину кассы нечего досылать", quiet);
        let kept = self.hooks.violations().is_empty();
        checked(faults, "все ответы сервиса такие, как в его документах", kept);
        Ok(())
    }

    async fn heads(&self, kind: Option<StreamKind>, status: Status) -> Result<usize, Failure> {
        let query = Query { kind, status: Some(status), ..Query::default() };
        Ok(self.stand.store.heads(&query, None, 100).await?.len())
    }
}

fn checked(faults: &mut Vec<String>, what: &str, holds: bool) {
    say(&format!("   {} {what}", if holds { "да " } else { "НЕТ" }));
    if !holds {
        faults.push(what.to_owned());
    }
}

fn spoken(balances: &BTreeMap<String, Kopecks>) -> String {
    let one =
        |(name, sum): (&String, &Kopecks)| format!("{} {}", name.to_lowercase(), sum.for_people());
    balances.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn done(seen: &Seen) -> Result<(), Failure> {
    if *seen == Seen::Done { Ok(()) } else { Err(seen_instead(seen)) }
}

/// What stopped the waiter.
fn seen_instead(seen: &Seen) -> Failure {
    Failure::new(match seen {
        Seen::Popup(text) => format!("официант видит: {text}"),
        Seen::Fault { status, .. } => format!("сервис ответил ошибкой {status}"),
        Seen::NoTill => "касса не отвечает".to_owned(),
        _ => "сервис не отвечает".to_owned(),
    })
}
