/** Which events there are to subscribe to: those of the audit. */

/** Every action that this release writes down, by what it is about. */
const verbs = {
  account: ['created', 'disabled', 'enabled', 'password_changed', 'updated'],
  agent: ['created', 'decommissioned', 'reactivated', 'suspended', 'updated'],
  auth: ['failed'],
  authorization: ['refused'],
  client: ['deleted', 'keys_fetch_failed', 'keys_fetched', 'registered', 'updated'],
  columns: [
    'escrow_taken_out',
    'forms_closed',
    'key_destroyed',
    'reencrypted',
    'reencryption_paused',
    'reencryption_requested',
  ],
  credential: ['discarded', 'expiring_soon', 'generated', 'prepared', 'retired', 'revoked', 'rotated', 'tripwire'],
  denied: ['added', 'dropped'],
  incident: ['frozen', 'opened', 'probe_minted', 'step', 'unfrozen'],
  initial_access_token: ['created', 'refused', 'revoked', 'used'],
  issuance: ['created', 'moved', 'requested', 'withdrawn'],
  keyring: [
    'activated',
    'created',
    'demoted',
    'discarded',
    'emptied',
    'escrow_ended',
    'given',
    'given_sealed',
    'policy_changed',
    'prepared',
    'private_erased',
    'retired',
    'revocation_requested',
    'revoked',
    'rolled_back',
    'rotation_requested',
    'sealed_anew',
    'served',
  ],
  login: ['failed', 'succeeded'],
  registration_token: ['issued', 'refused', 'renewed', 'replayed'],
  revocations: ['applied'],
  root_key: ['replaced'],
  session: ['ended'],
  token: ['issued', 'revoked'],
  verifier: ['forgotten', 'registered'],
  webhook: [
    'created',
    'dead_lettered',
    'deleted',
    'disabled',
    'paused',
    'redelivered',
    'secret_confirmed',
    'secret_retired',
    'secret_rotated',
    'updated',
  ],
} as const

/** Their names, as in `credential.rotated`. */
export const actions: readonly string[] = Object.entries(verbs).flatMap(([about, did]) =>
  did.map((verb) => `${about}.${verb}`),
)

const known = new Set([...actions, ...Object.keys(verbs).map((about) => `${about}.*`), '*'])

/** Is this the name of an event, or a pattern that fits some? */
export const isEvent = (text: string): boolean => known.has(text)

/** Does one of these names and patterns fit an action? */
export function fits(events: readonly string[], action: string): boolean {
  const ofAll = `${action.slice(0, action.indexOf('.'))}.*`
  return events.some((event) => event === '*' || event === action || event === ofAll)
}
