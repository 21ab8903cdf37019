import assert from 'node:assert/strict'
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { secretSource } from '../../src/sources/open.ts'

const key = (digit: string) => digit.repeat(64)

describe('a file of secrets', { timeout: 30_000 }, () => {
  let folder: string
  let path: string
  let count = 0
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rekey-source-'))
  })
  after(() => rm(folder, { recursive: true }))
  beforeEach(async () => {
    path = join(folder, String(count++), 'keys')
    await mkdir(dirname(path))
  })

  const source = () => secretSource(`file:${path}`, {})
  const write = (text: string, mode = 0o600) => writeFile(path, text, { mode })

  test('has one or several, with white space or commas between them', async () => {
    for (const text of ['new old', 'new\nold\n', ' new,\r\n\told ', 'new,old']) {
      await write(text)
      assert.deepEqual(await source().values(), ['new', 'old'])
    }
    assert.equal(source().description, `file:${path}`)
  })

  test('that is not there, is a folder or is empty is told by its path and by what is wrong', async () => {
    await assert.rejects(source().values(), { name: 'SecretsError', code: 'SOURCE_MISSING', message: /keys .*ENOENT/ })
    await write('\n , \n')
    await assert.rejects(source().values(), { code: 'SOURCE_INVALID', message: /keys holds no value/ })
    const folderSource = secretSource(`file:${folder}`, {})
    await assert.rejects(folderSource.values(), { code: 'SOURCE_MISSING', message: /EISDIR/ })
    assert.equal(await folderSource.isWritable(), false)
  })

  test('takes a new one in front, in a file of the same mode and nothing beside it', async () => {
    await write(`${key('a')} ${key('b')}\n`)
    await chmod(path, 0o640)
    await source().add(key('c'))
    assert.equal(await readFile(path, 'utf8'), `${key('c')}\n${key('a')}\n${key('b')}\n`)
    assert.equal((await stat(path)).mode & 0o777, 0o640)
    assert.deepEqual(await readdir(dirname(path)), ['keys'])
  })

  test('keeps its owner', { skip: process.getuid?.() !== 0 && 'only root can give a file away' }, async () => {
    await write(key('a'))
    const { chown } = await import('node:fs/promises')
    await chown(path, 65_534, 65_534)
    await source().add(key('b'))
    const { uid, gid, mode } = await stat(path)
    assert.deepEqual([uid, gid, mode & 0o777], [65_534, 65_534, 0o600])
  })

  test('is asked to add twice and adds once; an old one does not come to the front by that', async () => {
    await write(key('a'))
    for (const _ of ['once', 'and again']) await source().add(key('b').toUpperCase())
    assert.deepEqual(await source().values(), [key('b').toUpperCase(), key('a')])
    await assert.rejects(source().add(key('a')), { code: 'SOURCE_INVALID', message: /behind a newer one/ })
    for (const bad of ['', 'two words', 'a,b', 'line\n']) {
      await assert.rejects(source().add(bad), { code: 'SOURCE_INVALID' })
    }
    assert.deepEqual(await source().values(), [key('b').toUpperCase(), key('a')])
  })

  test('lets go of one, in capitals or not, and never of the last', async () => {
    await write(`${key('a')}\n${key('b')}\n`)
    await source().remove(key('B'))
    await source().remove(key('c'))
    assert.equal(await readFile(path, 'utf8'), `${key('a')}\n`)
    await assert.rejects(source().remove(key('a')), { code: 'SOURCE_INVALID', message: /no value would be left/ })
    assert.equal(await readFile(path, 'utf8'), `${key('a')}\n`)
  })

  test('loses nothing when many change it at once', async () => {
    await write('first')
    const names = Array.from({ length: 8 }, (_, n) => `by-${n}`)
    await Promise.all(names.map((name) => source().add(name)))
    assert.deepEqual((await source().values()).sort(), [...names, 'first'])
    assert.deepEqual(await readdir(dirname(path)), ['keys'])
  })

  test('is changed although somebody was killed while he did; one who is still at it is waited for', async () => {
    await write('old')
    await writeFile(`${path}.turn`, '')
    await utimes(`${path}.turn`, 1, 1)
    await source().add('new')
    assert.deepEqual(await source().values(), ['new', 'old'])
    await writeFile(`${path}.turn`, '')
    const waiting = source().remove('old')
    await rm(`${path}.turn`)
    await waiting
    assert.deepEqual(await source().values(), ['new'])
  })

  test('that is a link is left to whoever mounts it, as Kubernetes does', async () => {
    const mounted = join(folder, 'mounted')
    await mkdir(join(mounted, '..2026'), { recursive: true })
    await writeFile(join(mounted, '..2026', 'keys'), 'one')
    await symlink('..2026', join(mounted, '..data'))
    await symlink('..data/keys', join(mounted, 'keys'))
    const linked = secretSource(`file:${join(mounted, 'keys')}`, {})
    assert.deepEqual(await linked.values(), ['one'])
    assert.equal(await linked.isWritable(), false)
    for (const change of [() => linked.add('two'), () => linked.remove('one')]) {
      await assert.rejects(change(), { code: 'SOURCE_NOT_WRITABLE', message: /a link/ })
    }
    assert.ok((await lstat(join(mounted, 'keys'))).isSymbolicLink())
    assert.deepEqual(await linked.values(), ['one'])
  })

  test('says whether it can be changed', async () => {
    await write('one')
    assert.equal(await source().isWritable(), true)
    await rm(path)
    assert.equal(await source().isWritable(), false)
    await assert.rejects(source().add('two'), { code: 'SOURCE_NOT_WRITABLE', message: /ENOENT/ })
  })
})
