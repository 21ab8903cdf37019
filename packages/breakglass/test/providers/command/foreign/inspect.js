import { answer, asked, now, reach, shown } from './operator.js'
import { readState } from './state.js'

await reach('/jwks')
const state = readState()
const keys = shown(state)
const key = keys.find(({ kid }) => kid === asked.plan.kid)
const stored = state.keys.find(({ kid }) => kid === asked.plan.kid)
answer({
  provider: { issuer: asked.issuer, library: 'oidc-provider' },
  ...(key && { key: { ...key, activatedAt: stored?.activatedAt, canSign: state.keys[0]?.kid === key.kid } }),
  keys,
  now: now(),
})
