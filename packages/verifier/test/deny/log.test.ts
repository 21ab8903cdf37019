import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, copyFile, mkdir, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { DenyEntry } from '../../src/deny/entry.ts'
import { type DenyList, denyList } from '../../src/deny/list.ts'
import { parseDenyEntries } from '../../src/deny/parse.ts'
import { HandClock } from '../support/clock.ts'
import { emptyFolder } from '../support/folder.ts'
import { NOW_MS, refused } from '../support/keys.ts'

const DAY_MS = 86_400_000
const HEADER = '{"rekey":"deny-list","version":1}\n'
const iso = (ms: number): string => new Date(ms).toISOString()
const jtis = (count: number): DenyEntry[] => Array.from({ length: count }, (_, n) => ({ jti: `token ${n}` }))

async function started(test: TestContext, stateFile: string, clock = new HandClock(NOW_MS)): Promise<DenyList> {
  const list = denyList({ stateFile, clock, maxTokenLifetimeMs: DAY_MS })
  test.after(() => list.close())
  await list.start(assert.fail)
  return list
}

/** What a process finds that starts with this file now. */
async function afterRestart(test: TestContext, stateFile: string, clock?: HandClock): Promise<DenyEntry[]> {
  const list = await started(test, stateFile, clock)
  const entries = [...list.entries()].map(({ entry, origin }) => (origin === 'operator' ? entry : assert.fail()))
  await list.close()
  return entries
}

const linesOf = async (file: string): Promise<number> => (await readFile(file, 'utf8')).split('\n').length - 1

/** What a process prints that runs under a limit. */
async function inProcess(limit: string, script: string, stateFile: string) {
  const path = fileURLToPath(new URL(`../support/${script}`, import.meta.url))
  const child = spawn('sh', ['-c', `${limit} && exec "$0" "$@"`, process.execPath, path, stateFile], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (chunk) => {
    text += chunk
  })
  assert.deepEqual(await once(child, 'close'), [0, null])
  return JSON.parse(text)
}

describe('the state file of a deny-list', { timeout: 60_000 }, () => {
  it('can be read again, whatever moment of the calendar it was given', async (t) => {
    const stateFile = join(await emptyFolder(t), 'denied.log')
    const list = await started(t, stateFile)
    const moments = ['9999-12-31T23:59:59Z', '9999-12-31T22:59:58.999Z', '9999-12-31T23:59:59+00:01']
    const entries = parseDenyEntries(moments.map((issuedBefore, n) => ({ sub: `s${n}`, issuedBefore })))
    await list.add(entries)
    await list.close()
    assert.equal((await afterRestart(t, stateFile)).length, moments.length)
    for (const issuedBefore of ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59-05:00']) {
      assert.throws(() => parseDenyEntries([{ sub: 's', issuedBefore }]), refused('deny_entry_invalid'))
    }
  })

  it('keeps what the operator denied over a restart, and nothing that was taken back', async (t) => {
    const stateFile = join(await emptyFolder(t), 'made', 'denied.log')
    const list = await started(t, stateFile)
    const entries: DenyEntry[] = [
      { kid: 'k' },
      { jti: 'j', expiresAt: iso(NOW_MS + 1000) },
      { sid: 'line\nbreak \u2028 \uD800' },
      { sub: 'ü', issuedBefore: iso(NOW_MS) },
      { client_id: 'c', issuedBefore: iso(NOW_MS) },
    ]
    await list.add([...entries, { kid: 'gone' }])
    await list.remove([{ kid: 'gone' }, { kid: 'never' }])
    list.issuer.replace([{ kid: 'of the issuer' }])
    const held = [...list.entries()].flatMap(({ entry, origin }) => (origin === 'operator' ? [entry] : []))
    assert.deepEqual(await afterRestart(t, stateFile), held)
    assert.equal(held.length, 5)
    assert.equal((await stat(stateFile)).mode & 0o777, 0o600)
  })

  it('a token without expiresAt is forgotten by when it was denied, not by when the process started', async (t) => {
    const stateFile = join(await emptyFolder(t), 'denied.log')
    await (await started(t, stateFile)).add([{ jti: 'j' }])
    assert.equal((await afterRestart(t, stateFile, new HandClock(NOW_MS + DAY_MS))).length, 1)
    assert.equal((await afterRestart(t, stateFile, new HandClock(NOW_MS + DAY_MS + 300_000))).length, 0)
  })

  it('what is added at once goes to disk together, in the order of the calls', async (t) => {
    const stateFile = join(await emptyFolder(t), 'denied.log')
    const list = await started(t, stateFile)
    const calls = Array.from({ length: 200 }, (_, n) =>
      n % 2 === 0 ? list.add([{ kid: 'k' }]) : list.remove([{ kid: 'k' }]),
    )
    calls.push(list.add([{ kid: 'last' }]))
    assert.equal(list.isKidDenied('last'), true, 'in force before it is on disk')
    await Promise.all(calls)
    assert.deepEqual(await afterRestart(t, stateFile), [{ kid: 'last' }])
  })

  for (const cut of [1, 5, 20, 33]) {
    it(`a last line that a crash cut by ${cut} bytes is dropped, and what follows is whole`, async (t) => {
      const stateFile = join(await emptyFolder(t), 'denied.log')
      const before = await started(t, stateFile)
      await before.add([{ kid: 'whole' }])
      await before.add([{ kid: 'cut: '.padEnd(40, 'ü') }])
      await before.close()
      await truncate(stateFile, (await stat(stateFile)).size - cut)
      const after = await started(t, stateFile)
      await after.add([{ kid: 'next' }])
      await after.close()
      assert.deepEqual(await afterRestart(t, stateFile), [{ kid: 'whole' }, { kid: 'next' }])
    })
  }

  it('a crash while the file was made leaves one that can be used', async (t) => {
    const folder = await emptyFolder(t)
    for (let size = 0; size < HEADER.length; size++) {
      const stateFile = join(folder, `${size}.log`)
      await writeFile(stateFile, HEADER.slice(0, size))
      const list = await started(t, stateFile)
      await list.add([{ kid: 'k' }])
      await list.close()
      assert.deepEqual(await afterRestart(t, stateFile), [{ kid: 'k' }])
    }
  })

  for (const [what, text] of Object.entries({
    'has a broken line in its middle': `${HEADER}{"deny":{"kid":"a"}}\n{"deny":{"ki\n{"deny":{"kid":"secret"}}\n`,
    'has a line that does nothing': `${HEADER}{"secret":{"kid":"a"}}\n`,
    'has a line that is null': `${HEADER}null\n`,
    'has an entry that is none': `${HEADER}{"deny":{"sub":"secret"}}\n`,
    'was written by something else': 'secret\n{"deny":{"kid":"a"}}\n',
    'is something else, without an end of line': 'secret',
  })) {
    it(`that ${what} stops the start, and is left as it is`, async (t) => {
      const stateFile = join(await emptyFolder(t), 'denied.log')
      await writeFile(stateFile, text)
      const list = denyList({ stateFile })
      t.after(() => list.close())
      const told = (error: Error) => refused('deny_file_failed')(error) && !/secret/.test(error.message)
      await assert.rejects(list.start(assert.fail), told)
      assert.equal(await readFile(stateFile, 'utf8'), text)
    })
  }

  it('that is a folder, or stands where no folder can be, stops the start', async (t) => {
    const folder = await emptyFolder(t)
    await mkdir(join(folder, 'denied.log'))
    await writeFile(join(folder, 'file'), '')
    for (const stateFile of [join(folder, 'denied.log'), join(folder, 'file', 'denied.log')]) {
      await assert.rejects(denyList({ stateFile }).start(assert.fail), refused('deny_file_failed'))
    }
  })

  it('is written anew when most of it has been overtaken, and nothing that comes meanwhile is lost', async (t) => {
    const folder = await emptyFolder(t)
    const stateFile = join(folder, 'denied.log')
    const list = await started(t, stateFile)
    await list.add(jtis(2_000))
    await list.remove(jtis(1_500))
    const late = Array.from({ length: 50 }, (_, n) => ({ kid: `late ${n}` }))
    for (const entry of late) await list.add([entry])
    await list.remove([{ kid: 'late 0' }])
    assert.ok((await linesOf(stateFile)) < 600)
    assert.equal((await stat(stateFile)).mode & 0o777, 0o600)
    assert.deepEqual(await readdir(folder), ['denied.log'])
    const held = [...list.entries()].map(({ entry }) => entry)
    await list.close()
    assert.equal(held.length, 549)
    assert.deepEqual(await afterRestart(t, stateFile), held)
  })

  it('grows no further than a multiple of what is held, however often the same is asked for', async (t) => {
    const stateFile = join(await emptyFolder(t), 'denied.log')
    const list = await started(t, stateFile)
    for (let n = 0; n < 20; n++) {
      await list.add(jtis(400))
      await list.remove(jtis(400))
    }
    await list.close()
    assert.ok((await linesOf(stateFile)) < 3_000)
    assert.deepEqual(await afterRestart(t, stateFile), [])
  })

  it('to which another process has written is written no more, and both are told', async (t) => {
    const stateFile = join(await emptyFolder(t), 'denied.log')
    const [one, other] = [await started(t, stateFile), await started(t, stateFile)]
    await one.add([{ kid: 'one' }])
    await assert.rejects(other.add([{ kid: 'other' }]), refused('deny_file_failed'))
    assert.equal(other.isKidDenied('other'), true)
    await assert.rejects(other.remove([{ kid: 'one' }]), refused('deny_file_failed'))
    await appendFile(stateFile, '{"deny":{"kid":"by hand"}}\n')
    await assert.rejects(one.add([{ kid: 'more' }]), refused('deny_file_failed'))
    assert.deepEqual(await afterRestart(t, stateFile), [{ kid: 'one' }, { kid: 'by hand' }])
  })

  it('that is taken away or exchanged is noticed before anything is written to nowhere', async (t) => {
    const stateFile = join(await emptyFolder(t), 'denied.log')
    const list = await started(t, stateFile)
    await list.add([{ kid: 'k' }])
    await rename(stateFile, `${stateFile}.old`)
    await assert.rejects(list.add([{ kid: 'gone' }]), refused('deny_file_failed'))
    await copyFile(`${stateFile}.old`, stateFile)
    await assert.rejects(list.add([{ kid: 'copy' }]), refused('deny_file_failed'))
    await rm(stateFile)
    await rename(`${stateFile}.old`, stateFile)
    await list.add([{ kid: 'back' }])
    assert.deepEqual(await afterRestart(t, stateFile), [{ kid: 'k' }, { kid: 'back' }])
  })

  it('on a full disk refuses what does not fit, which is in force all the same, and spoils nothing', async (t) => {
    const stateFile = join(await emptyFolder(t), 'denied.log')
    // A limit on the size of files binds root too, and cuts a write in its middle as a full disk does.
    const { written, refusedAs, inForce } = await inProcess('ulimit -f 8', 'deny-until-full.ts', stateFile)
    assert.deepEqual([refusedAs, inForce], ['deny_file_failed', true])
    assert.ok(written.length > 5)
    const kids = (await afterRestart(t, stateFile)).map((entry) => ('kid' in entry ? entry.kid : ''))
    assert.deepEqual(kids, written)
  })

  it('that cannot be read ends the watch on the other file too', async (t) => {
    const folder = await emptyFolder(t)
    const [file, stateFile] = [join(folder, 'denied.json'), join(folder, 'denied.log')]
    await writeFile(file, '{"entries":[{"kid":"k"}]}')
    await writeFile(stateFile, 'something else\n')
    const clock = new HandClock(NOW_MS)
    const list = denyList({ file, stateFile, clock })
    await assert.rejects(list.start(assert.fail), refused('deny_file_failed'))
    await rm(file)
    clock.advance(5_000)
    await list.close()
    assert.equal(list.isKidDenied('k'), true)
  })

  it('refuses to promise anything before the start and after the end', async (t) => {
    const list = denyList({ stateFile: join(await emptyFolder(t), 'denied.log') })
    await assert.rejects(list.add([{ kid: 'early' }]), refused('deny_file_failed'))
    assert.equal(list.isKidDenied('early'), true)
    await list.start(assert.fail)
    await list.close()
    await assert.rejects(list.add([{ kid: 'late' }]), refused('deny_file_failed'))
  })

  it('of a hundred thousand entries is read within seconds', { timeout: 20_000 }, async (t) => {
    const stateFile = join(await emptyFolder(t), 'denied.log')
    const expiresAt = iso(NOW_MS + DAY_MS)
    const lines = Array.from(
      { length: 100_000 },
      (_, n) => `{"deny":{"jti":"token ${n}","expiresAt":"${expiresAt}"}}\n`,
    )
    await writeFile(stateFile, HEADER + lines.join(''))
    const list = await started(t, stateFile)
    assert.equal(list.size, 100_000)
    assert.equal(list.matches({ exp: 1, jti: 'token 99999' }), true)
  })

  it('that cannot be written anew goes on as it is, and says so', async (t) => {
    const stateFile = join(await emptyFolder(t), 'denied.log')
    const { problems, kids } = await inProcess('ulimit -n 100', 'deny-without-descriptors.ts', stateFile)
    assert.deepEqual(problems, ['deny_file_failed'])
    assert.ok((await linesOf(stateFile)) > 1_000)
    assert.deepEqual(
      (await afterRestart(t, stateFile)).map((entry) => ('kid' in entry ? entry.kid : '')),
      kids,
    )
  })
})
