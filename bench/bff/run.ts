/**
 * `npm run bench:bff`: what a session costs, and what a rotation does. Requests by session through the backend for frontend on one
 * core, beside the same requests through @fastify/http-proxy without any. Then 500 requests a second at two replicas, with and
 * without rotations of what sessions and forms are sealed by. Rounds are interleaved. Exits with 1 when a bar is missed or a reply
 * was wrong.
 *
 * `-- --rounds=7 --rate=500` is the default.
 */
import { readCounts } from '../estate/counts.ts'
import { Undo } from '../estate/undo.ts'
import { moveToLoadCore, pinned } from '../token/cores.ts'
import { startEstate } from './estate.ts'
import { measureProxying } from './proxying.ts'
import { measureRotation } from './rotation.ts'

const undo = new Undo()
undo.whenInterrupted()
const asked = readCounts({ rounds: '7', rate: '500' }, 'bench:bff -- [--rounds=7] [--rate=500]')
try {
  process.exitCode = asked && (await main(asked.rounds[0], asked.rate[0])) ? 0 : 1
} finally {
  await undo.all()
}

async function main(rounds: number, rate: number): Promise<boolean> {
  moveToLoadCore()
  if (!pinned) console.error('taskset or a second core is missing: servers and load share what there is')
  const estate = await startEstate(undo)
  const proxying = await measureProxying(undo, estate, rounds)
  await estate.addReplica()
  const rotation = await measureRotation(estate, rounds, rate)
  return proxying && rotation
}
