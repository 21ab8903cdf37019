import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { tsc } from '../scripts/packing/compile.ts'
import { newFolder } from './api.ts'
import { packed } from './packed.ts'

const { installed } = packed()

const RESOLUTIONS = [
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'esnext', moduleResolution: 'bundler' },
]

// Lines that must not compile stand in the fixtures, each below a @ts-expect-error: one that compiles fails the test.
describe('the declarations that were packed', () => {
  before(() => cpSync(join(import.meta.dirname, 'fixtures'), installed, { recursive: true }))

  for (const resolution of RESOLUTIONS) {
    const how = resolution.moduleResolution

    it(`serve an API on Node 20, resolved as ${how} does`, () => {
      check(`api-${how}`, 'api.ts', { ...resolution, lib: ['es2023'], types: ['node'] })
    })

    it(`agree with those of a browser, resolved as ${how} does`, () => {
      check(`dom-${how}`, 'api.ts', { ...resolution, lib: ['es2023', 'dom', 'dom.iterable'], types: ['node'] })
    })

    it(`of redact need no types of Node, resolved as ${how} does`, () => {
      check(`log-${how}`, 'log.ts', { ...resolution, lib: ['es2023'], types: [] })
    })
  }

  it('serve a CommonJS file', () => {
    check('common', 'common.cts', { module: 'nodenext', lib: ['es2023'], types: ['node'] })
  })

  it('fit Express, Fastify and Hono as the README has them', () => {
    const place = newFolder('types', readFileSync(join(installed, 'frameworks.ts'), 'utf8'), 'frameworks.ts')
    const options = { module: 'nodenext', lib: ['es2023', 'dom'], types: ['node'], skipLibCheck: true }
    check('frameworks', 'frameworks.ts', options, place)
  })
})

function check(name: string, file: string, options: Record<string, unknown>, place = installed): void {
  const strict = { strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false }
  const compilerOptions = { target: 'es2022', noEmit: true, ...strict, ...options }
  const project = join(place, `tsconfig.${name}.json`)
  writeFileSync(project, JSON.stringify({ compilerOptions, files: [file] }))
  tsc(['--project', project])
}
