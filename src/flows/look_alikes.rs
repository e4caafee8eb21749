//! No stranger's application is called like one of the province ([`oidc::look_alike`] says when two names look alike).

use oidc::Registration;
use oidc::look_alike::skeleton;
use store::rows::clients as rows;
use store::{BadRow, Conn, Tx};

use crate::env::Env;
use crate::error::Fault;

/// Why a stranger may not have its name.
pub(crate) const TAKEN: &str = "client_name: expected a name that nobody takes for that of an application of the province, which this one looks like";

/// Whether a name of `registration`, a stranger's, looks like one of an application of the province, in use or not.
pub async fn is_taken(conn: &mut Conn, registration: &Registration) -> Result<bool, Fault> {
    let [zh, en] = skeletons(registration);
    Ok(rows::is_named(conn, &zh, &en).await?)
}

/// Keeps what the names of the application `id` look like, beside its registration: call it whenever one is added or changed.
pub async fn keep(tx: &mut Tx, id: &str, registration: &Registration) -> Result<(), Fault> {
    let [zh, en] = match registration.registered_itself {
        // Strangers may look like each other: nobody trusts one more than the other.
        true => [String::new(), String::new()],
        false => skeletons(registration),
    };
    Ok(rows::name(tx, id, &zh, &en).await?)
}

/// Works out what is missing, of applications that an earlier version registered; how many there were. Before the server serves.
pub async fn work_out(env: &Env) -> Result<usize, Fault> {
    let mut count = 0;
    loop {
        let mut tx = env.db.begin().await?;
        let unnamed = rows::unnamed(&mut tx).await?;
        if unnamed.is_empty() {
            return Ok(count);
        }
        count += unnamed.len();
        for row in unnamed {
            let bad = |e| Fault::from(BadRow::new("client", "metadata", &row.id, e));
            let registration: Registration = serde_json::from_str(&row.metadata).map_err(bad)?;
            keep(&mut tx, &row.id, &registration).await?;
        }
        tx.commit().await?;
    }
}

fn skeletons(registration: &Registration) -> [String; 2] {
    [skeleton(&registration.name_zh), skeleton(&registration.name_en)]
}
