import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { root } from '../repository.ts'
import { stepsOf, wrongsOf } from './container-file.ts'

const file = readFileSync(join(root, 'deploy/Containerfile'), 'utf8')

describe('the container file', () => {
  it('has these instructions and no other', () => {
    assert.deepEqual(
      stepsOf(file).map(({ stage, keyword }) => `${stage}: ${keyword}`),
      [
        ...['FROM', 'WORKDIR', 'COPY', 'RUN'].map((keyword) => `build: ${keyword}`),
        ...['FROM', 'ENV', 'WORKDIR', 'COPY', 'RUN', 'USER', 'STOPSIGNAL', 'ENTRYPOINT'].map(
          (one) => `runtime: ${one}`,
        ),
        ...['idp', 'bff', 'api'].flatMap((stage) =>
          ['FROM', 'EXPOSE', 'HEALTHCHECK', 'CMD'].map((keyword) => `${stage}: ${keyword}`),
        ),
      ],
    )
  })

  it('has no secret in any of them, and runs nothing as root', () => {
    assert.deepEqual(wrongsOf(file), [])
  })

  it('starts what is in the repository', () => {
    const commands = stepsOf(file).filter(({ keyword }) => keyword === 'CMD')
    assert.equal(commands.length, 3)
    for (const { text } of commands) assert.match(readFileSync(join(root, JSON.parse(text)[0]), 'utf8'), /await/)
  })

  it('installs what each of them, and rekey, needs', () => {
    const [install] = stepsOf(file).filter(({ stage, keyword }) => stage === 'build' && keyword === 'RUN')
    const workspaces = [...(install?.text ?? '').matchAll(/--workspace (\S+)/g)].map(([, name]) => name)
    assert.deepEqual(workspaces, ['@rekey/idp', '@rekey/bff', '@rekey/example-api', 'rekey'])
  })

  const hex = 'ab'.repeat(32)
  const bad: [string, string, RegExp][] = [
    ['a secret in the environment', 'ENV DATABASE_PASSWORD=hunter2', /ENV/],
    ['a second variable in a line', 'ENV NODE_ENV=production CSRF=abc', /more than one/],
    ['a secret to build with', 'ARG REGISTRY_AUTH', /ARG/],
    ['a secret on a command line', 'RUN curl -H "Authorization: Bearer $TOKEN" https://example.com', /speaks of/],
    ['a value that looks like one', `RUN ./setup ${hex}`, /looks like/],
    ['a URL with a password', 'RUN git clone https://me:pw@example.com/x', /looks like/],
    ['a secret that is mounted to build', 'RUN --mount=type=bind,source=k,target=/k cat /k', /mounts/],
    ['a file of secrets by name', 'COPY deploy/.env /app/', /COPY/],
    ['an address that is fetched', 'ADD https://example.com/x /x', /ADD/],
    ['a label', 'LABEL pw=hunter2', /LABEL/],
    ['root', 'USER root', /runs as root/],
  ]
  for (const [what, line, wrong] of bad) {
    it(`would be refused with ${what}`, () => {
      const changed = file.replace('FROM runtime AS api\n', `FROM runtime AS api\n${line}\n`)
      assert.match(wrongsOf(changed).join('\n'), wrong)
    })
  }
})
