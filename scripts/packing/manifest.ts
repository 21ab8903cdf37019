/** The members of a package.json that are looked at. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports: Readonly<Record<string, unknown>>
  readonly [member: string]: unknown
}

const OF_THE_WORKSPACE = new Set(['scripts', 'devDependencies'])
/** What the tests of other packages of the workspace use. */
const testing = './testing'

/**
 * The package.json that is published. In the workspace `exports` name the TypeScript, so that an edit needs no build; here
 * they name what was compiled from it. With `nodeTypes`, the declarations mention types of Node.
 */
export function publishedManifest(workspace: Manifest, { nodeTypes }: { nodeTypes: boolean }): Manifest {
  const kept = Object.entries(workspace).filter(([name, value]) => !OF_THE_WORKSPACE.has(name) && !isEmpty(value))
  const entries = Object.entries(workspace.exports).flatMap(([path, source]) =>
    path === testing ? [] : [[path, compiled(source)]],
  )
  return {
    ...(Object.fromEntries(kept) as unknown as Manifest),
    exports: { ...Object.fromEntries(entries), './package.json': './package.json' },
    ...(nodeTypes && {
      peerDependencies: { '@types/node': '>=20' },
      peerDependenciesMeta: { '@types/node': { optional: true } },
    }),
  }
}

function compiled(source: unknown): { types: string; default: string } {
  const [, path] = /^\.\/src\/(.+)\.ts$/.exec(String(source)) ?? []
  if (path === undefined) throw new Error(`exports names ${source}, which is no TypeScript below ./src`)
  // Node takes the first condition that it knows, and so does tsc: types stand first. `default`, not `import`, lets require in.
  return { types: `./dist/${path}.d.ts`, default: `./dist/${path}.js` }
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}
