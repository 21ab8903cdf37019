import assert from 'node:assert/strict'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { denyList } from '../../src/deny/list.ts'
import { HandClock } from '../support/clock.ts'
import { emptyFolder } from '../support/folder.ts'
import { NOW_MS, refused } from '../support/keys.ts'
import { until } from '../support/mailbox.ts'
import { mountedSecret } from '../support/mounted-secret.ts'

const textOf = (...kids: string[]): string => JSON.stringify({ entries: kids.map((kid) => ({ kid })) })

/** A list on a file, with what it says is wrong. */
function listOn(test: TestContext, file: string) {
  const clock = new HandClock(NOW_MS)
  const list = denyList({ file, clock })
  const problems: string[] = []
  test.after(() => list.close())
  return {
    list,
    problems,
    start: () => list.start((error) => problems.push(`${error.code}: ${error.message}`)),
    kids: () => [...list.entries()].map(({ entry }) => ('kid' in entry ? entry.kid : '')),
    /** Lets a second pass again and again until something holds. */
    until: (check: () => boolean) =>
      until(() => {
        clock.advance(1000)
        return check()
      }),
    /** Lets so many looks at the file begin and end. */
    async look(times: number) {
      for (let n = 0; n < times; n++) {
        clock.advance(1000)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    },
  }
}

describe('the file of a deny-list', { timeout: 30_000 }, () => {
  it('is in force once the list has started, and again after each change, as a whole', async (t) => {
    const file = join(await emptyFolder(t), 'denied.json')
    await writeFile(file, `\uFEFF${textOf('one', 'two')}`)
    const { list, start, kids, until, problems } = listOn(t, file)
    await start()
    assert.deepEqual(kids(), ['one', 'two'])
    assert.equal([...list.entries()][0]?.origin, 'file')
    const { generation } = list
    await writeFile(file, textOf('two', 'three'))
    await until(() => list.isKidDenied('three'))
    assert.deepEqual(kids(), ['two', 'three'])
    assert.ok(list.generation > generation)
    await writeFile(file, '{"entries":[]}')
    await until(() => list.size === 0)
    assert.deepEqual(problems, [])
  })

  it('is not the operator’s to take back by a call', async (t) => {
    const file = join(await emptyFolder(t), 'denied.json')
    await writeFile(file, textOf('one'))
    const { list, start } = listOn(t, file)
    await start()
    assert.equal(await list.remove([{ kid: 'one' }]), 0)
    assert.equal(list.isKidDenied('one'), true)
  })

  it('may be mounted as Kubernetes does, which swaps a link above it', async (t) => {
    const mounted = await mountedSecret(await emptyFolder(t), 'denied.json')
    await mounted.update(textOf('one'))
    const { start, kids, until } = listOn(t, mounted.path)
    await start()
    await mounted.update(textOf('two'))
    await until(() => kids().join() === 'two')
  })

  it('whatever happens to it, the last good entries stay, and one problem is told for each outage', async (t) => {
    const file = join(await emptyFolder(t), 'denied.json')
    await writeFile(file, textOf('one'))
    const { start, kids, until, look, problems } = listOn(t, file)
    await start()
    await rename(file, `${file}.gone`)
    await until(() => problems.length > 0)
    assert.match(problems[0] ?? '', /^deny_file_failed: .* cannot be read$/)
    await writeFile(file, '{"entries":[{"kid":"two"}')
    await look(5)
    await writeFile(file, '{"entries":[{"kid":"two","secret":1}]}')
    await look(5)
    assert.deepEqual(kids(), ['one'])
    assert.equal(problems.length, 1)
    await writeFile(file, textOf('two'))
    await until(() => kids().join() === 'two')
    await rm(file)
    await until(() => problems.length > 1)
    assert.deepEqual(kids(), ['two'])
  })

  it('that comes back as it was ends the outage', async (t) => {
    const file = join(await emptyFolder(t), 'denied.json')
    await writeFile(file, textOf('one'))
    const { start, until, look, problems } = listOn(t, file)
    await start()
    for (const outage of [1, 2]) {
      await rename(file, `${file}.away`)
      await until(() => problems.length === outage)
      await rename(`${file}.away`, file)
      await look(5)
    }
    assert.equal(problems.length, 2)
  })

  for (const [what, text] of Object.entries({
    'is no JSON': 'secret',
    'is empty': '',
    'is null': 'null',
    'has no entries': '{"entires":[]}',
    'has an entry that is none': '{"entries":[{"kid":"a"},{"sub":"secret"}]}',
  })) {
    it(`that ${what} stops the start: what it denies is not known`, async (t) => {
      const file = join(await emptyFolder(t), 'denied.json')
      await writeFile(file, text)
      const { start } = listOn(t, file)
      await assert.rejects(
        start(),
        (error: Error) => refused('deny_file_failed')(error) && !/secret/.test(error.message),
      )
    })
  }

  it('that is missing or a folder stops the start', async (t) => {
    const folder = await emptyFolder(t)
    await assert.rejects(listOn(t, join(folder, 'denied.json')).start(), refused('deny_file_failed'))
    await mkdir(join(folder, 'folder'))
    await assert.rejects(listOn(t, join(folder, 'folder')).start(), refused('deny_file_failed'))
  })

  it('may be as long as it takes', async (t) => {
    const file = join(await emptyFolder(t), 'denied.json')
    await writeFile(file, textOf(...Array.from({ length: 20_000 }, (_, n) => `kid ${n}`)))
    const { list, start } = listOn(t, file)
    await start()
    assert.equal(list.size, 20_000)
  })

  it('is looked at no more once the list is closed', async (t) => {
    const file = join(await emptyFolder(t), 'denied.json')
    await writeFile(file, textOf('one'))
    const { list, start, look, kids, problems } = listOn(t, file)
    await start()
    await list.close()
    await rm(file)
    await look(3)
    assert.deepEqual([kids(), problems], [['one'], []])
  })
})
