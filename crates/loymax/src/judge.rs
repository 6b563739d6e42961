//! What an answer means for the message it answers (loymax.md 3 rules 4 and 5, 6).

use tillway_core::Kopecks;
use tillway_core::loyalty::{Answer, LineAnswer};
use tillway_core::pan::Masked;
use tillway_core::port::processing::{Class, Outcome, Refusal, Sealed, SentLine};

use crate::dialect::{Dialect, OtherIds};
use crate::wire::{Failure, Reply, ReplyLine, Response, read};

/// What became of a message whose answer is these bytes. Only an explicit yes is a yes.
pub fn outcome(dialect: &Dialect, sealed: &Sealed, bytes: &[u8]) -> Outcome {
    match read(dialect, bytes) {
        Ok(response) => judged(dialect, sealed, response),
        Err(error) => Outcome::InDoubt(Masked::new(&error.to_string())),
    }
}

/// What became of a message whose answer says this, in whichever form it came.
pub fn judged(dialect: &Dialect, sealed: &Sealed, response: Response) -> Outcome {
    let Response { message, replies } = response;
    let failed = message.filter(|failure| !failure.code.is_ok());
    let reply = reply_to(dialect, sealed, replies);
    let refused = reply.as_ref().and_then(|reply| reply.result.clone());
    // What is said of the command is more exact than what is said of the message.
    if let Some(failure) = refused.filter(|failure| !failure.code.is_ok()).or(failed) {
        return refusal(dialect, &failure);
    }
    let Some(reply) = reply else { return doubt("the answer is to another message") };
    if reply.result.is_none() {
        return doubt("the answer does not say what became of the command");
    }
    match matched(&sealed.lines, reply.lines) {
        Some(lines) => Outcome::Done(Box::new(Answer { lines, ..reply.answer })),
        None => doubt("the lines of the answer are not those that were sent"),
    }
}

fn doubt(text: &str) -> Outcome {
    Outcome::InDoubt(Masked::new(text))
}

fn refusal(dialect: &Dialect, failure: &Failure) -> Outcome {
    let class = dialect.class_of(&failure.code);
    let text = Masked::new(&failure.text);
    if class == Class::Unavailable {
        return Outcome::InDoubt(Masked::new(&format!("{class}: {text}")));
    }
    Outcome::Refused(Refusal { class, code: failure.code.to_string().into(), text })
}

/// By the operation's id. The only reply to a message of one command may be its reply whatever id
/// it names ([`OtherIds`]); one of two is not.
fn reply_to(dialect: &Dialect, sealed: &Sealed, replies: Vec<Reply>) -> Option<Reply> {
    let id = sealed.id.simple().to_string();
    let ours = |reply: &Reply| {
        let named = reply.operation.as_deref().unwrap_or_default();
        named.replace('-', "").eq_ignore_ascii_case(&id)
    };
    let mut of_kind: Vec<Reply> =
        replies.into_iter().filter(|reply| reply.kind == sealed.kind).collect();
    let at = match of_kind.iter().position(ours) {
        Some(at) => at,
        None if of_kind.len() == 1 && dialect.other_ids != OtherIds::Refused => 0,
        None => return None,
    };
    Some(of_kind.swap_remove(at))
}

/// Lines with the positions that were sent: by position where all of them agree, else by goods,
/// quantity and amount. `None` when a line cannot be told.
fn matched(sent: &[SentLine], lines: Vec<ReplyLine>) -> Option<Vec<LineAnswer>> {
    let mut positions: Vec<u32> = lines.iter().map(|line| line.line.position).collect();
    positions.sort_unstable();
    let twice = positions.windows(2).any(|pair| pair.first() == pair.last());
    // Mostly they come in the order they were sent in.
    let same = |(at, line): (usize, &ReplyLine)| {
        let ours = |sent: &&SentLine| sent.position == line.line.position;
        let sent = sent.get(at).filter(ours).or_else(|| sent.iter().find(ours));
        sent.is_some_and(|sent| agrees(sent, line))
    };
    if !twice && lines.iter().enumerate().all(same) {
        return Some(lines.into_iter().map(|line| line.line).collect());
    }
    let mut left: Vec<&SentLine> = sent.iter().collect();
    let mut found = Vec::with_capacity(lines.len());
    for line in lines {
        let fits =
            |sent: &&SentLine| line.goods.is_some() && agrees(sent, &line) && worth(sent, &line);
        let at = left.iter().position(fits)?;
        let position = left.remove(at).position;
        found.push(LineAnswer { position, ..line.line });
    }
    Some(found)
}

/// Nothing that the line says of its goods is otherwise.
fn agrees(sent: &SentLine, line: &ReplyLine) -> bool {
    line.goods.as_ref().is_none_or(|goods| *goods == sent.goods)
        && line.quantity.is_none_or(|quantity| quantity == sent.quantity)
}

/// The amount is that which was sent, before or after the discount.
fn worth(sent: &SentLine, line: &ReplyLine) -> bool {
    let Some(amount) = line.line.amount else { return false };
    let discount = line.line.discount.unwrap_or(Kopecks::ZERO);
    amount == sent.amount || amount.add(discount) == Ok(sent.amount)
}
