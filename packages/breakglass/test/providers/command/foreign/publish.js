import { answer, asked, newKey, put } from './operator.js'
import { readState } from './state.js'

// For how long readers of the key set may go without a key that is new, at most.
const settleMs = Number(process.argv[2])

const state = readState()
if (!state.keys.some(({ kid }) => kid !== asked.plan.kid)) state.keys.push(newKey())
await put(state)
const published = state.keys.filter(({ kid }) => kid !== asked.plan.kid)
const newest = Math.max(...published.map(({ publishedAt }) => Date.parse(publishedAt)))
answer({
  published: published.map(({ kid, publishedAt }) => ({ kid, publishedAt })),
  settleMs: Math.max(0, newest + settleMs - Date.now()),
})
