//! People who do nothing but log in, so that nobody else's login becomes one too many (`sessions_per_person`).

use base::{Clock, Secret, SystemClock};
use flows::caller::Authority;
use flows::people::{self, NewAccount};
use flows::self_description::SelfDescription;
use identity::RealNameLevel;
use yinxin::config::{Certificates, Outbound};
use yinxin::demo::SamplePerson;
use yinxin::{Place, Seams, assemble};

use crate::Wrong;
use crate::process::{self, Plan};

/// Enters `count` citizens, as whoever runs the machine does; the server must not run meanwhile.
pub fn enter(plan: &Plan, count: usize) -> Result<Vec<SamplePerson>, Wrong> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(enter_all(plan, count))
}

async fn enter_all(plan: &Plan, count: usize) -> Result<Vec<SamplePerson>, Wrong> {
    let wrong = |what: &str, e: &dyn std::fmt::Display| Wrong::new(format!("{what}: {e}"));
    let place = Place {
        data: &plan.data,
        database: plan.database.as_deref(),
        issuer: process::issuer(plan).parse().map_err(|e| wrong("issuer", &e))?,
        outbound: &Outbound::default(),
        dpop_nonces_required: false,
        token_keys: flows::rotate_keys::TokenKeyTimes::default(),
        sessions: flows::session_limits::SessionLimits::default(),
        certificates: &Certificates::default(),
        forwarding: &flows::env::Forwarding::default(),
        registration: &flows::env::SelfRegistration::default(),
        upstreams: &[],
    };
    let env = assemble(&place, Seams::default()).await.map_err(|e| wrong("the data folder", &e))?;
    let mut crowd = Vec::with_capacity(count);
    for number in 0..count {
        let (user_name, name) = (format!("crowd.{number}"), format!("Crowd {number}"));
        let password = base::entropy::token(&base::OsEntropy);
        let account = NewAccount {
            user_name: user_name.clone(),
            display_name: name.clone(),
            password: Secret::new(password.clone()),
            id_number: None,
            real_name: RealNameLevel::Unverified,
            description: SelfDescription::default(),
        };
        let now = SystemClock.now();
        let id = people::add_person(&env, now, Authority::Operator, account, None, true).await;
        let id = id.map_err(yinxin::StartError::from).map_err(|e| wrong("a person", &e))?;
        crowd.push(SamplePerson {
            id,
            user_name,
            password,
            name,
            kind: "citizen".to_owned(),
            role: "logs in".to_owned(),
            id_number: None,
            clearance: None,
        });
    }
    env.db.close().await;
    Ok(crowd)
}
