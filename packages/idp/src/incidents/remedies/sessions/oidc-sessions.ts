import { sql } from 'kysely'
import { endOidcState, type Whose } from '../../../oidc/state/end.ts'
import type { Selected } from './selected.ts'
import type { SessionStore } from './store.ts'

/** Logins of users, and what they granted to clients. They are looked up at each use: none lives on in an instance's memory. */
export const oidcSessions: SessionStore = {
  name: 'oidc-sessions',
  async end(transaction, { selector, issuedBefore }) {
    // Whoever is saving one has written it by then; whoever saves one later finds that it has ended.
    await sql`LOCK TABLE oidc_state IN SHARE ROW EXCLUSIVE MODE`.execute(transaction)
    return endOidcState(transaction, whoseOf(selector), issuedBefore)
  },
}

function whoseOf(selector: Selected['selector']): Whose {
  return 'sub' in selector ? { accountId: selector.sub } : selector
}
