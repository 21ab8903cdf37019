import { answer, asked, now, put, shown, thumbprintOf } from './operator.js'
import { readState } from './state.js'

const state = readState()
const { kid, reason } = asked.plan
const found = state.keys.find((key) => key.kid === kid)
if (found && state.keys[0] === found) {
  console.error('it still signs: promote comes first')
  process.exit(1)
}
if (found) {
  // The private half goes with it.
  state.keys = state.keys.filter((key) => key !== found)
  state.revoked.push({ kid, thumbprint: thumbprintOf(found.jwk), revokedAt: now(), reason })
}
await put(state)
const revoked = state.revoked.filter((key) => key.kid === kid)
answer({ revoked: revoked.map(({ revokedAt }) => ({ kid, revokedAt })), keys: shown(state) })
