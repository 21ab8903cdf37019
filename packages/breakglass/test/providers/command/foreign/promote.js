import { answer, asked, now, put, shown } from './operator.js'
import { readState } from './state.js'

const state = readState()
const successor = state.keys.find(({ kid }) => kid !== asked.plan.kid)
if (!successor) {
  console.error('there is no other key: publish comes first')
  process.exit(1)
}
if (state.keys[0] !== successor) {
  successor.activatedAt = now()
  state.keys = [successor, ...state.keys.filter((key) => key !== successor)]
}
await put(state)
answer({
  successors: [{ kid: successor.kid, activatedAt: successor.activatedAt, everywhereAt: now() }],
  windowMs: 0,
  keys: shown(state),
})
