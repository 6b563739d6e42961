//! What is let in and what is read; the note's answers, to the letter.

use http::{HeaderMap, Method};
use tillway_core::Kopecks;
use tillway_sim::loymax::house::{ClientId, Printed};

use crate::till::{Till, accrue, balance, calculate, confirm, head, message, pay};

#[tokio::test(start_paused = true)]
async fn the_sale_of_the_note() {
    let till = Till::new();
    let told = till.ask(&balance("b1", "2990000000019")).await;
    let item = "<Item Name=\"MaskedNumber\">*********0019</Item>\
                <Item Name=\"CardType\">BonusCard</Item><Item Name=\"Status\">Activated</Item>\
                <Item Name=\"Cardnumber\">2990000000019</Item>";
    assert!(told.contains("OperationID=\"b1\" BonusAmount=\"250.00\" Currency=\"RUB\""), "{told}");
    assert!(told.contains(item), "{told}");
    assert!(told.contains("<CashierMessage>Баланс: 250.00</CashierMessage>"), "{told}");
    let told = till.ask(&calculate("c1", "p")).await;
    let head = "TransactionID=\"5001\" Balance=\"250.00\" AvailableBonusAmount=\"111.00\" \
                AvailableAmount=\"111.00\"";
    assert!(told.contains(head), "{told}");
    let line = "<ChequeLine PosID=\"1\" GoodsId=\"SKU-1001\" Quantity=\"2.000\" \
                Amount=\"270.00\" Discount=\"30.00\"><AppliedOffers><Offer Id=\"12\" \
                VersionId=\"3\" Name=\"Чай -10%\" \
                ExternalId=\"6a0e2f4c-0000-4000-8000-000000000012\" Quantity=\"2\" \
                PrerefenceValue=\"30.00\" CurrencyAbbreviation=\"руб.\">";
    assert!(told.contains(line), "{told}");
    let told = till.ask(&pay("p1", "p", "100.00")).await;
    assert!(told.contains("Amount=\"100.00\" BonusAmount=\"100.00\""), "{told}");
    assert!(told.contains("Amount=\"270.00\" Discount=\"30.00\" PayAmount=\"87.50\""), "{told}");
    assert!(told.contains("Amount=\"100.00\" Discount=\"0.00\" PayAmount=\"12.50\""), "{told}");
    assert!(told.contains("<LoyaltyProgram Name=\"Default\">"), "{told}");
    let told = till.ask(&accrue("d1", "p")).await;
    let sums = "TotalAmount=\"370.00\" TotalDiscount=\"30.00\" TotalCashback=\"13.51\"";
    assert!(told.contains(sums), "{told}");
    assert!(told.contains("Cashback=\"9.13\"") && told.contains("Cashback=\"4.38\""), "{told}");
    assert!(told.contains("Начислено: 13.51\nБаланс: 163.51</ChequeMessage>"), "{told}");
    let told = till.ask(&confirm("e1", "p")).await;
    assert!(told.contains("<ConfirmPurchaseResponse ErrorCode=\"0\""), "{told}");
    assert_eq!(till.processing.house().points(ClientId::DEMO), Some(Kopecks(16_351)));
    let journal = till.processing.journal();
    let codes: Vec<_> = journal.iter().flat_map(|it| &it.commands).map(|it| it.code).collect();
    assert_eq!(codes, [0; 5]);
    assert!(!format!("{journal:?}").contains("2990000000019"));
}

#[tokio::test(start_paused = true)]
async fn who_is_let_in() {
    let mut till = Till::new();
    let body = message(&balance("b1", "2990000000019"));
    let rows = [
        ("TILL-0007", "demo", "/XmlExchange/demo/TILL-0007/", 200),
        ("TILL-0007", "demo", "/XmlExchange/demo/TILL-0007", 200),
        ("TILL-0007", "wrong", "/XmlExchange/demo/TILL-0007/", 401),
        ("TILL-0008", "demo", "/XmlExchange/demo/TILL-0007/", 401),
        ("TILL-0099", "demo", "/XmlExchange/demo/TILL-0099/", 401),
        ("TILL-0007", "demo", "/XmlExchange/demo2/TILL-0007/", 404),
        ("TILL-0007", "demo", "/XmlExchange/demo/", 404),
        ("TILL-0007", "demo", "/", 404),
    ];
    for (login, password, path, status) in rows {
        (till.login, till.password, till.path) = (login, password, path);
        assert_eq!(till.post(body.clone()).await.unwrap().status(), status, "{login} {path}");
    }
    till.path = "/XmlExchange/demo/TILL-0007/";
    let read = till.send(Method::GET, till.path, HeaderMap::new(), "").await.unwrap();
    assert_eq!(read.status(), 405);
    let other = head("x1").replace("TILL-0007", "TILL-0008");
    let asked = format!(
        "<Balances><BalanceRequest {other}><Identifier Type=\"Auto\" Value=\"1\"/>\
         </BalanceRequest></Balances>"
    );
    assert!(till.ask(&asked).await.contains("BalanceResponse ErrorCode=\"202\""));
}

#[tokio::test(start_paused = true)]
async fn the_schema_is_closed() {
    let till = Till::new();
    let check = async |containers: &str, code: u32, why: &str| {
        let told = till.ask(containers).await;
        let found = told.contains(&format!("<ErrorCode>{code}</ErrorCode>")) && told.contains(why);
        assert!(found, "{containers}\n{told}");
    };
    let coupons = calculate("c1", "p").replace("Calculate", "AvailableAmount");
    let why = "The element 'AvailableAmountRequest' has invalid child element 'Coupons'. \
               List of possible elements expected: 'Params'.";
    check(&coupons, 103, why).await;
    let first =
        coupons.replace("<Identifier", "<Coupons><Coupon Number=\"1\"/></Coupons><Identifier");
    check(&first, 103, "expected: 'Cheque, Identifier, Card, Params'.").await;
    let whole = balance("b1", "2990000000019");
    let rows = [
        (whole.replace("Type=\"Auto\"", "Type=\"Auto\" X=\"1\""), 103, "'X' attribute"),
        (whole.replace("Type=\"Auto\"", ""), 105, "'Type'"),
        (whole.replace("Type=\"Auto\"", "Type=\"Magic\""), 104, "'Type'"),
        (whole.replace("Balances", "Balanses"), 103, "Balanses"),
        (
            whole.replace("<Identifier Type=\"Auto\" Value=\"2990000000019\"/>", ""),
            105,
            "Identifier",
        ),
        (whole.replace("12:01:10+03:00", "12:01:10"), 104, "OperationDate"),
        (whole.replace("ElementID=\"1\"", ""), 105, "ElementID"),
        (calculate("c1", "p").replace("\"2.000\"", "\"2,000\""), 104, "Quantity"),
        (calculate("c1", "p").replace("\"300\"", "\"300.001\""), 104, "Amount"),
        (calculate("c1", "p").replace("<Coupon Number=\"SPRING-20\"/>", ""), 103, "'Coupon'"),
        (calculate("c1", "p").replace(" PurchaseID=\"p\"", ""), 105, "PurchaseID"),
        ("<CancelOperations/>".to_owned(), 103, "CancelOperations"),
        (String::new(), 103, "XMLRequest"),
        (format!("{whole}<a"), 103, ""),
    ];
    for (containers, code, why) in rows {
        check(&containers, code, why).await;
    }
    let old = till.post("<XMLRequest><Version>3.0</Version></XMLRequest>").await.unwrap();
    assert!(old.body().windows(26).any(|part| part == b"<ErrorCode>102</ErrorCode>"));
    assert_eq!(till.processing.house().with(|store| store.operations.len()), 0);
}

#[tokio::test(start_paused = true)]
async fn the_schema_knows_what_the_adapter_writes() {
    let till = Till::new();
    till.processing.house().with(|store| store.rules.cancel_operations = true);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../loymax/fixtures/requests");
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let answer = till.post(std::fs::read(&path).unwrap()).await.unwrap();
        let told = String::from_utf8(answer.body().to_vec()).unwrap();
        assert!(told.contains("<ErrorCode>0</ErrorCode>"), "{} {told}", path.display());
        count += 1;
    }
    assert!(count >= 10, "{count}");
    let journal = till.processing.journal();
    assert!(journal.iter().all(|entry| entry.commands.len() == 1));
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_answered_in_its_order() {
    let till = Till::new();
    let all =
        [calculate("c1", "p"), pay("p1", "p", "999.00"), accrue("d1", "p"), confirm("e1", "p")];
    let told = till.ask(&all.concat()).await;
    let places =
        ["c1", "p1", "d1", "e1"].map(|id| told.find(&format!("OperationID=\"{id}\"")).unwrap());
    assert!(places.is_sorted(), "{told}");
    assert!(
        told.contains("<PaymentResponse ErrorCode=\"204\" ErrorMessage=\"Недостаточно баллов\"")
    );
    // Without the payment of 100.00 the two Pays are short.
    assert!(told.contains("<DiscountResponse ErrorCode=\"226\""), "{told}");
}

#[tokio::test(start_paused = true)]
async fn answers_have_the_letters_of_the_question() {
    let till = Till::new();
    for name in ["windows-1251", "cp866", "koi8-r"] {
        let asked = message(&calculate(name, name)).replace("UTF-8", name);
        let table = encoding_rs::Encoding::for_label(name.as_bytes());
        let table = table.unwrap_or(encoding_rs::IBM866);
        let answer = till.post(table.encode(&asked).0.into_owned()).await.unwrap();
        let told = table.decode(answer.body()).0.into_owned();
        assert!(told.contains("Ваша скидка: 30.00"), "{told}");
        assert!(told.starts_with(&format!("<?xml version=\"1.0\" encoding=\"{name}\"?>")));
    }
}

#[tokio::test(start_paused = true)]
async fn coupons_to_print_come_in_either_way() {
    let till = Till::new();
    let asked = |id: &str| {
        let coffee = accrue(id, id)
            .replace("SKU-1001", "SKU-1003")
            .replace("70.00\"/></Pays", "170.00\"/></Pays");
        coffee.replace("<Coupons><Coupon Number=\"SPRING-20\"/></Coupons>", "")
    };
    let told = till.ask(&asked("d1")).await;
    let coupon = "<Coupons><Coupon Number=\"NEXT-000001\" BarCode=\"2200000000019\" \
                  QRCode=\"LMXC:NEXT-000001\" ExpiryDate=\"2026-04-14\">Скидка 20% на сыр</Coupon>";
    assert!(told.contains(coupon), "{told}");
    till.processing.house().with(|store| store.rules.printed = Printed::Marker);
    let told = till.ask(&asked("d2")).await;
    let marked = "[[BARCODE:2200000000026]]\n[[QR:LMXC:NEXT-000002]]</ChequeMessage>";
    assert!(told.contains(marked) && !told.contains("<Coupon "), "{told}");
}
