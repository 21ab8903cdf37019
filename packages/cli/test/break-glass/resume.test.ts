import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import type { IncidentDocument } from '../../src/break-glass/document.ts'
import type { KeyringView } from '../../src/client/keyring.ts'
import { Place, type Up } from '../up.ts'

// The way to an API is cut, which holds the procedure up where it proves; there it is ended, and the way is opened again.
let isCut = true
const way = createServer((socket) => (isCut ? socket.destroy() : passOn(socket)))
let place: Place
let up: Up

before(async () => {
  way.listen(0, '127.0.0.1')
  await once(way, 'listening')
  place = await Place.find()
  up = place.up()
  await up.ready()
})

after(async () => {
  up.process.kill('SIGTERM')
  await up.exited
  way.close()
  place.remove()
})

test('a Ctrl-C ends it with the command that goes on, which does at once', async () => {
  const { code, stdout, stderr } = await startedAndEnded('INC-1', 'SIGINT')
  assert.deepEqual([code, JSON.parse(stdout).code], [1, 'INTERRUPTED'])
  assert.match(stderr, /rekey break-glass resume INC-1/)
  const { attention } = JSON.parse((await place.rekey('status', '--json')).stdout)
  const commands = attention.map(({ command }: { command: string }) => command)
  assert.ok(commands.includes('rekey break-glass resume INC-1'))
  await isResumed('INC-1')
})

test('one that was killed is gone on with by whoever comes, as soon as nobody holds it', async () => {
  assert.equal((await startedAndEnded('INC-2', 'SIGKILL')).code, null)
  await isResumed('INC-2')
})

/** Ends it while it waits for the API that cannot be reached. */
async function startedAndEnded(incident: string, signal: NodeJS.Signals) {
  isCut = true
  const api = `http://127.0.0.1:${(way.address() as { port: number }).port}`
  const words = ['--kid', await activeKid(), '--incident', incident, '--reason', 'drill', '--api', api]
  const run = place.start('break-glass', ...words, '--prove-for', '10m', '--json')
  await said(run.process.stderr as NodeJS.ReadableStream, /refuses the old token.*waiting for/)
  run.process.kill(signal)
  return await run.ended
}

async function isResumed(incident: string): Promise<void> {
  isCut = false
  const { code, stdout, stderr } = await place.rekey('break-glass', 'resume', incident, '--json')
  assert.equal(code, 0, stderr)
  const { contained, steps, evidence }: IncidentDocument = JSON.parse(stdout)
  assert.equal(contained, true)
  assert.ok(steps.every(({ state }) => state === 'done'))
  const attempts = new Map(steps.map((step) => [step.name, step.attempts]))
  assert.deepEqual([attempts.get('promote'), attempts.get('revoke'), attempts.get('prove')], [1, 1, 2])
  assert.ok(evidence)
}

async function activeKid(): Promise<string> {
  const { keyrings } = JSON.parse((await place.rekey('status', '--json')).stdout) as { keyrings: KeyringView[] }
  return keyrings[0]?.versions.find(({ state }) => state === 'active')?.id ?? ''
}

/** Resolves when a text was said on a stream, and rejects when that ends without it. */
function said(stream: NodeJS.ReadableStream, text: RegExp): Promise<void> {
  let heard = ''
  return new Promise((resolve, reject) => {
    stream.on('data', (chunk) => {
      heard += chunk
      if (text.test(heard)) resolve()
    })
    stream.once('end', () => reject(new Error(`it was not said:\n${heard}`)))
  })
}

function passOn(socket: Socket): void {
  const { port } = new URL(place.estate.apis[0] ?? '')
  const api = connect(Number(port), 'localhost')
  socket.pipe(api).pipe(socket)
  for (const end of [socket, api]) end.on('error', () => end.destroy())
}
