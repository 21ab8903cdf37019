import assert from 'node:assert/strict'
import { mkdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { parseSource, readSecretFile, readSecretFileNow } from '../../src/secrets/source.ts'
import { emptyFolder } from '../support/folder.ts'
import { refused } from '../support/keys.ts'

/** A TypeError whose message has nothing of the secret in it. */
function wrongUse(error: unknown): boolean {
  assert.ok(error instanceof TypeError)
  assert.doesNotMatch(error.message, /hush/)
  return true
}

describe('a source of secrets', () => {
  it('is one secret, or several with commas between them, in the order given', () => {
    assert.deepEqual(parseSource('hush'), { secrets: ['hush'] })
    assert.deepEqual(parseSource(' new , old\n'), { secrets: ['new', 'old'] })
    assert.deepEqual(parseSource('new,old,new'), { secrets: ['new', 'old'] })
  })

  it('takes each string of a list as it stands, commas and all', () => {
    assert.deepEqual(parseSource(['a,b', ' c ', 'file:/d']), { secrets: ['a,b', ' c ', 'file:/d'] })
  })

  it('is a file where the string says so', () => {
    assert.deepEqual(parseSource('file:/run/secrets/a,b'), { file: '/run/secrets/a,b' })
    assert.deepEqual(parseSource('file:relative'), { file: 'relative' })
    assert.deepEqual(parseSource(pathToFileURL('/run/my secret').href), { file: '/run/my secret' })
    assert.deepEqual(parseSource({ file: '/run/secrets/a' }), { file: '/run/secrets/a' })
  })

  it('is refused where something is missing, without a word of what is there', () => {
    const wrong = [
      '',
      ' ',
      ',',
      'hush,',
      ',hush',
      'hush,,hush2',
      'file:',
      'hush,file:/b',
      [],
      ['hush', ''],
      ['hush', ' '],
    ]
    for (const source of [...wrong, [1], {}, { file: '' }, null, undefined, 7]) {
      assert.throws(() => parseSource(source as never), wrongUse)
    }
  })
})

describe('a file of secrets', () => {
  const both = async (path: string) => {
    const [later, now] = [await readSecretFile(path), readSecretFileNow(path)]
    assert.deepEqual(later, now)
    return now
  }

  it('has one a line or commas between them, whatever editors leave around them', async (t) => {
    const path = join(await emptyFolder(t), 'secrets')
    for (const text of ['new\nold', 'new,old', '\uFEFF new \r\n\r\nold\r\n', '\n\nnew , old\n\n']) {
      await writeFile(path, text)
      assert.deepEqual(await both(path), ['new', 'old'])
    }
  })

  it('is wrong when it is empty or a secret is missing in it', async (t) => {
    const path = join(await emptyFolder(t), 'secrets')
    for (const text of ['', '\n', ' ', 'hush,,hush2', 'hush\n,']) {
      await writeFile(path, text)
      assert.throws(() => readSecretFileNow(path), wrongUse)
      await assert.rejects(readSecretFile(path), wrongUse)
    }
  })

  it('cannot be read when it is not there, not a file, or far too large', async (t) => {
    const folder = await emptyFolder(t)
    const at = (name: string) => join(folder, name)
    await mkdir(at('folder'))
    await writeFile(at('large'), '')
    await truncate(at('large'), 65_537)
    for (const path of [at('nowhere'), at('folder'), at('large'), '/dev/zero']) {
      assert.throws(() => readSecretFileNow(path), refused('secrets_failed'))
      await assert.rejects(readSecretFile(path), refused('secrets_failed'))
    }
  })
})
