/**
 * `npm run bench:bff`: what a session costs. Requests by session through the backend for frontend on one core, beside the same
 * requests through @fastify/http-proxy without any. Rounds are interleaved. Exits with 1 when a bar is missed or a reply was wrong.
 */
import { readCounts } from '../estate/counts.ts'
import { Undo } from '../estate/undo.ts'
import { moveToLoadCore, pinned } from '../token/cores.ts'
import { startEstate } from './estate.ts'
import { measureProxying } from './proxying.ts'

const undo = new Undo()
undo.whenInterrupted()
const asked = readCounts({ rounds: '7' }, 'bench:bff -- [--rounds=7]')
try {
  process.exitCode = asked && (await main(asked.rounds[0])) ? 0 : 1
} finally {
  await undo.all()
}

async function main(rounds: number): Promise<boolean> {
  moveToLoadCore()
  if (!pinned) console.error('taskset or a second core is missing: servers and load share what there is')
  return measureProxying(undo, await startEstate(undo, 1), rounds)
}
