//! The program sells at each level, takes what is typed, and says what is wrong.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use tillway::core::port::Spawner;
use tillway::runtime::{TokioClock, TokioSpawner};
use tillway::sim::loymax::Processing;
use tillway::transport::Runtime;
use tillway::transport::server::{Server, ServerConfig};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

fn run(arguments: &[&str], typed: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loymax-till"));
    let piped = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = piped.stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// These lines are there, in this order.
fn in_order(out: &str, lines: &[&str]) {
    let mut rest = out;
    for line in lines {
        let found = rest.find(line).unwrap_or_else(|| panic!("{line} is not next in {out}"));
        rest = &rest[found + line.len()..];
    }
}

#[test]
fn a_sale_at_the_lowest_level_prints_all_four_messages_in_every_setting() {
    for profile in ["none", "detached", "enveloped"] {
        for encoding in ["utf-8", "windows-1251"] {
            let arguments =
                ["sale", "--level", "minimum", "--profile", profile, "--encoding", encoding];
            let run = run(&arguments, "");
            let out = text(&run);
            assert!(run.status.success(), "{out}");
            let expected = [
                "Баланс: 250.00",
                "Скидка 30.00. Можно списать 111.00",
                "Списано: 100.00",
                "Начислено: 13.50",
                "  | Ваша скидка: 30.00",
                "  | Списано: 100.00",
                "  | Начислено: 13.50",
                "  | Баланс: 163.50",
                "  | СПИСАНИЕ БАЛЛОВ",
                "К выдаче 98.51. Возвращено баллов: 36.49",
            ];
            in_order(&out, &expected);
        }
    }
}

#[test]
fn a_slip_of_the_server_is_its_message_alone() {
    let out = text(&run(&["sale", "--level", "minimum", "--slip", "server"], ""));
    in_order(&out, &["  | Списано: 100.00", "  | Начислено: 13.50"]);
    assert!(!out.contains("СПИСАНИЕ БАЛЛОВ"), "{out}");
}

#[test]
fn the_menu_names_all_thirty_functions() {
    let menu = text(&run(&["menu"], "выход\n"));
    // In brackets, several with commas.
    let named = menu.split('(').skip(1).filter_map(|rest| rest.split(')').next());
    let numbers: Vec<u32> =
        named.flat_map(|named| named.split(", ")).filter_map(|it| it.parse().ok()).collect();
    let missing: Vec<u32> = (1..=30).filter(|row| !numbers.contains(row)).collect();
    assert_eq!(missing, Vec::<u32>::new(), "{menu}");
}

#[test]
fn a_sale_at_the_middle_level_goes_on_without_a_link() {
    let run = run(&["sale", "--level", "middle"], "");
    let out = text(&run);
    assert!(run.status.success(), "{out}");
    let expected = [
        "Скидка 30.00. Можно списать 111.00",
        "  | Баланс: 163.51",
        "[EAN13 2200000000019]",
        "Скидка 20.00",
        "Нет связи с программой лояльности. Продажа без скидок и баллов",
        "Будет отправлено позже.",
        "Отправлено: 2, закончено покупок: 1",
        "Для администратора: 0",
    ];
    in_order(&out, &expected);
}

#[test]
fn a_sale_at_the_highest_level_reaches_the_club() {
    let run = run(&["sale", "--level", "maximum"], "");
    let out = text(&run);
    assert!(run.status.success(), "{out}");
    let expected = [
        "QR-код клиента действует 60 с",
        "Баланс: 250.00",
        "Скидка 10% на чай",
        "Скидка 30.00",
        "1. Кофе",
        "К оплате: 85,00",
        "Неверный код подтверждения",
        "Телефон подтверждён",
        "Клиент зарегистрирован",
        "Клиент уже зарегистрирован.",
        "  | Списано: 50.00",
        "Заказ W-17 выдан, оплачено 150,00",
        "Заказ W-18 отменён, баллы свободны",
        "Карта выдана",
        "Баланс: 100.00",
        "Карта выдана",
        "Карта заблокирована",
    ];
    in_order(&out, &expected);
}

#[test]
fn what_is_typed_wrong_is_told_and_the_till_goes_on() {
    let typed = "что\nтовар SKU-1001\nитог\nоплата\nтелефон 12\nвозврат 1=1\nвыход\nбаланс\n";
    let run = run(&["menu"], typed);
    let out = text(&run);
    assert!(run.status.success(), "{out}");
    let expected = [
        "карта <штрихкод>",
        "Ошибка: нет такой команды: что. Есть «помощь»",
        "Ошибка: не хватает слова: имя",
        "Ошибка: в чеке нет товаров",
        "Ошибка: в чеке нет товаров",
        "Ошибка: телефон:",
        "Ошибка: возвращать нечего",
    ];
    in_order(&out, &expected);
    assert!(!out.contains("чей баланс"), "what follows the end is not read: {out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_processing_needs_other_options_alone() {
    let clock = Arc::new(TokioClock::new());
    let processing = Processing::demo(clock);
    processing.house().with(|store| {
        let till = store.tills.get_mut("TILL-0008").unwrap();
        till.password = "another".into();
        store.rules.project = "shop".to_owned();
        store.public.favourites.values_mut().for_each(|set| set.until = "9999-12-31".to_owned());
        store.public.applications.get_mut("till-app").unwrap().till = "TILL-0008".to_owned();
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = Server::new(ServerConfig::default(), Runtime::tokio());
    let serve = async move {
        server.serve(listener, move |_| processing.connect(), std::future::pending()).await;
    };
    TokioSpawner::new(Handle::current()).spawn("processing", Box::pin(serve));
    let project = format!("{address}/XmlExchange/shop");
    let at = ["--address", &project, "--till", "TILL-0008", "--password", "another"];
    let api = ["--public-api", &address, "--shop", "shop-app"];
    let typed = "телефон 79990000001\nбаланс\nтовар SKU-1003 Кофе 100 1\nитог\nоплата\n\
                 любимые 79990000001\nвыбрать 1 SKU-1003\nждать 5\n";
    let run = run(&[&["menu"][..], &at, &api].concat(), typed);
    let out = text(&run);
    assert!(run.status.success(), "{out}");
    let expected = [
        "Баланс: 250.00",
        "Можно списать 30.00",
        "  | Баланс: 255.00",
        "Покупка подтверждена",
        "1. Кофе",
        "Ошибка: ждать можно только с симулятором",
    ];
    in_order(&out, &expected);
}

#[test]
fn a_processing_that_is_not_there_is_told() {
    let address = ["menu", "--address", "http://127.0.0.1:1/XmlExchange/demo"];
    let run_there = run(&address, "");
    assert!(!run_there.status.success());
    assert!(text(&run_there).contains("Ошибка: процессинг не отвечает"), "{}", text(&run_there));
    let keyless = [&address[..], &["--profile", "detached"]].concat();
    let out = text(&run(&keyless, ""));
    assert!(out.contains("Ошибка: для подписи нужны ключ и оба сертификата"), "{out}");
}

#[test]
fn help_has_examples() {
    let run = run(&["--help"], "");
    let out = text(&run);
    assert!(run.status.success() && out.contains("loymax-till report --level maximum"), "{out}");
    assert!(out.contains("--data <FILE>"), "{out}");
}

#[test]
fn a_journal_in_memory_is_told_and_a_simulator_has_no_other() {
    let out = text(&run(&["menu"], "выход\n"));
    assert!(out.contains("Журнал в памяти: выключение его сотрёт"), "{out}");
    let refused = run(&["menu", "--data", "till.db"], "");
    assert!(!refused.status.success());
    let why = String::from_utf8(refused.stderr).unwrap();
    assert!(why.contains("--address"), "{why}");
}
