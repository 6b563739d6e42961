//! Row 24: signatures of both sides.

use std::sync::Arc;

use tillway::core::Kopecks;
use tillway::core::loyalty::IdentifierKind;
use tillway::core::port::LoyaltyProcessing;
use tillway::core::port::processing::{Command, Outcome};
use tillway::loymax::sign::{Profile, Signatures};
use tillway::sim::loymax::house::Kind;
use tillway::sim::loymax::{Fault, Step};

use super::check::{Check, Failed, holds, same};
use super::place::{CARD, Place, card, done, refused, shown, unreadable};
use crate::keys::Whose;

/// Row 24: under both profiles, whatever the rest of the report runs under.
pub(super) async fn signatures(place: &Place) -> Check {
    for profile in [Profile::DetachedBody, Profile::EnvelopedXmlDsig] {
        let place = place.with_profile(profile).await?;
        let check = one_profile(&place).await;
        check.map_err(|failed| Failed::new(format!("{profile:?}: {failed}")))?;
    }
    Ok(())
}

async fn one_profile(place: &Place) -> Check {
    let till = place.till()?;
    let asked = || Ok::<_, Failed>(Command::Balance { guest: card()? });
    let points = place.balance(&till, card()?).await?;
    same("points, signed both ways", points, Some(Kopecks(25_000)))?;
    let signed = place.sent(Kind::Balance);
    let enveloped = signed.iter().any(|body| body.contains("<Signature "));
    let in_body = place.profile() == Profile::EnvelopedXmlDsig;
    same("a signature in the body", enveloped, in_body)?;

    let unsigned = place.till_with(|config| config.signatures = Signatures::default())?;
    let outcome = place.ask(&unsigned, asked()?).await?;
    // Its answer is signed, which a till without signatures passes over.
    refused("a message without a signature", outcome, "107")?;

    let mut changed = till.seal(&place.operation(asked()?))?;
    let text = String::from_utf8_lossy(&changed.body).replace(CARD, "2990000000057");
    changed.body = text.into_bytes();
    refused("a message that was changed", till.send(&changed).await, "106")?;

    let foreign = signatures_by(place.profile(), Whose::Foreign)?;
    let stranger = place.till_with(|config| config.signatures = foreign)?;
    refused("a key that nobody knows", place.ask(&stranger, asked()?).await?, "108")?;

    for fault in [Fault::BadSignature, Fault::NoSignature] {
        place.processing.push(Step::next(fault.clone()));
        let outcome = place.ask(&till, asked()?).await?;
        let unused = matches!(outcome, Outcome::InDoubt(_));
        holds(&format!("an answer with {fault:?} is not used: {outcome:?}"), unused)?;
    }
    let other = shown(IdentifierKind::CardBarcode, CARD)?;
    done("a message after all that", place.ask(&till, Command::Balance { guest: other }).await?)?;
    Ok(())
}

fn signatures_by(profile: Profile, whose: Whose) -> Result<Signatures, Failed> {
    let trusted = [Whose::Processing.certificate().map_err(unreadable)?];
    let own = whose.identity().map_err(unreadable)?;
    let verifier = profile.verifier(&trusted);
    Ok(Signatures { signer: profile.signer(&own), verifier: Arc::clone(&verifier) })
}
