import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Wire } from './proxy.ts'

test('bytes pass both ways, and so does the end', async (t) => {
  const { wire } = await echo(t)
  const client = await dial(t, wire)
  client.write('hello')
  assert.equal(await said(client), 'hello')
  client.end()
  await once(client, 'end')
})

test('a frozen wire passes nothing and closes nothing; thawed, what was held up arrives', async (t) => {
  const { wire, heard } = await echo(t)
  const client = await dial(t, wire)
  client.write('before ')
  await said(client)
  wire.freeze()
  client.write('held up')
  const late = await dial(t, wire)
  late.write('from a new connection')
  await passThrough(t)
  assert.equal(heard.join(''), 'before ')
  assert.ok(!client.closed && !late.closed)
  wire.thaw()
  assert.equal(await said(client), 'held up')
  assert.equal(await said(late), 'from a new connection')
})

test('over a frozen wire nobody learns that the other has hung up, until it is thawed', async (t) => {
  const { wire, sockets } = await echo(t)
  const client = await dial(t, wire)
  client.write('hello')
  await said(client)
  wire.freeze()
  sockets[0]?.resetAndDestroy()
  await passThrough(t)
  assert.ok(!client.closed)
  const hungUp = closed(client)
  wire.thaw()
  await hungUp
})

test('a wire that is cut ends what is open and lets nobody in until it is mended', async (t) => {
  const { wire } = await echo(t)
  const client = await dial(t, wire)
  const cut = closed(client)
  wire.cut()
  await cut
  await closed(connect(Number(new URL(wire.url).port), '127.0.0.1').on('error', () => undefined))
  wire.mend()
  const again = await dial(t, wire)
  again.write('hello')
  assert.equal(await said(again), 'hello')
})

test('a delay holds bytes up and keeps their order', async (t) => {
  const { wire } = await echo(t)
  const client = await dial(t, wire)
  client.write('warm')
  await said(client)
  wire.delay(60)
  const started = performance.now()
  client.write('one')
  assert.equal(await said(client), 'one')
  assert.ok(performance.now() - started >= 118, 'there and back')
})

test('the URL of a wire keeps what is not host and port', async (t) => {
  const wire = await Wire.to('postgres://user:word@127.0.0.1:5432/rekey')
  t.after(() => wire.close())
  assert.match(wire.url, /^postgres:\/\/user:word@127\.0\.0\.1:\d+\/rekey$/)
})

async function echo(t: TestContext) {
  const heard: string[] = []
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => undefined))
    socket.setEncoding('utf8').on('data', (text: string) => {
      heard.push(text)
      socket.write(text)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const wire = await Wire.to(`tcp://127.0.0.1:${(server.address() as { port: number }).port}`)
  t.after(async () => {
    await wire.close()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { wire, heard, sockets }
}

async function dial(t: TestContext, wire: Wire): Promise<Socket> {
  const socket = connect(Number(new URL(wire.url).port), '127.0.0.1').setEncoding('utf8')
  socket.on('error', () => undefined)
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** However it ends: `once` of events would reject at a reset. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

async function said(socket: Socket): Promise<string> {
  const [text] = await once(socket, 'data')
  return text
}

/** As long as it takes for bytes to go there and back over a wire that is sound. */
async function passThrough(t: TestContext): Promise<void> {
  const { wire } = await echo(t)
  for (let times = 0; times < 3; times++) {
    const socket = await dial(t, wire)
    socket.write('sounding')
    await said(socket)
  }
}
