//! Inbound HTTP for iiko: the Waiter external-loyalty API, the payment API and the bridge
