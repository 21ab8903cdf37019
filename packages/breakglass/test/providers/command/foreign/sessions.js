import { answer, asked, now, put } from './operator.js'
import { readState } from './state.js'

const state = readState()
const endedAt = now()
const clients = asked.plan.sessions.map(({ clientId, sub, all, issuedBefore = endedAt }) => {
  // Of client credentials the client is the subject, and there are no sessions to name.
  return [clientId ?? sub ?? (all && '*'), issuedBefore]
})
state.endedBefore = { ...state.endedBefore, ...Object.fromEntries(clients.filter(([client]) => client)) }
await put(state)
answer({ endedAt, stores: [{ name: 'opaque tokens', ended: null }] })
