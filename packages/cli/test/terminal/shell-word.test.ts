import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { shellWord } from '../../src/terminal/shell-word.ts'

test('a shell reads it as the word that it is', () => {
  for (const text of ['/srv/a.zip', "it's $HOME & more", '', 'a b', '~', '*', '"', '$(id)', 'a\nb', '\\', 'é']) {
    assert.equal(execFileSync('sh', ['-c', `printf %s ${shellWord(text)}`]).toString(), text)
  }
})

test('what needs no marks has none', () => {
  assert.equal(shellWord('https://id.example:8443/api/v1/a-b_c'), 'https://id.example:8443/api/v1/a-b_c')
})
