/** The rule of which package may know which. A package may import those it is given here, and what is not of this workspace. */
const FOUNDATION = ['@rekey/keyring', '@rekey/redact', '@rekey/verifier']
const PRODUCTS = [
  '@rekey/secrets',
  '@rekey/database',
  '@rekey/service',
  '@rekey/registration',
  '@rekey/idp',
  '@rekey/bff',
]
const TOPS = [...FOUNDATION, ...PRODUCTS, '@rekey/breakglass', 'rekey']

const MAY_KNOW: Readonly<Record<string, readonly string[]>> = {
  '@rekey/keyring': [],
  '@rekey/redact': [],
  '@rekey/verifier': [],
  '@rekey/secrets': ['@rekey/keyring'],
  '@rekey/database': [...FOUNDATION, '@rekey/secrets'],
  // What services have in common knows none of them, and verifies nobody's tokens.
  '@rekey/service': ['@rekey/keyring', '@rekey/redact', '@rekey/secrets', '@rekey/database'],
  '@rekey/registration': FOUNDATION,
  // Never each other: they speak HTTP.
  '@rekey/idp': [
    ...FOUNDATION,
    '@rekey/secrets',
    '@rekey/database',
    '@rekey/service',
    '@rekey/registration',
    '@rekey/breakglass',
  ],
  '@rekey/bff': [...FOUNDATION, '@rekey/database', '@rekey/service', '@rekey/registration'],
  // It speaks HTTP with the rest of the estate; of the database it takes what verifies an audit without one.
  '@rekey/breakglass': [...FOUNDATION, '@rekey/database'],
  rekey: [...FOUNDATION, ...PRODUCTS, '@rekey/breakglass'],
  '@rekey/example-api': TOPS,
  '@rekey/example-demo': TOPS,
  '@rekey/example-spa': [],
  '@rekey/bench': TOPS,
  '@rekey/faults': TOPS,
  '@rekey/interop': TOPS,
  '@rekey/browser': TOPS,
}

/** One source file, as the rule sees it. */
export interface Source {
  /** From the root of the repository, with forward slashes. */
  readonly path: string
  readonly text: string
  /** The name in the package.json above it. */
  readonly package: string
  /** What that package.json lists. */
  readonly listed: readonly string[]
}

/** Sentences, one for each break of the rule; none when all is well. */
export function breaksOf(source: Source): string[] {
  return [...importsAgainstRule(source), ...clockReads(source)].map((text) => `${source.path}: ${text}`)
}

function importsAgainstRule(source: Source): string[] {
  return specifiersOf(source.text).flatMap((specifier) => [
    ...againstDirection(source, specifier),
    ...againstManifest(source, specifier),
    ...acrossFolders(source, specifier),
    ...againstDatabaseOnly(source, specifier),
    ...againstOffline(source, specifier),
  ])
}

function againstDirection({ package: name }: Source, specifier: string): string[] {
  const other = workspacePackage(specifier)
  if (other === undefined || other === name) return []
  const known = MAY_KNOW[name]
  if (known === undefined) return [`${name} has no place in the dependency rule yet`]
  return known.includes(other) ? [] : [`${name} must not know ${other}`]
}

function againstManifest({ package: name, listed }: Source, specifier: string): string[] {
  const other = workspacePackage(specifier)
  if (other === undefined || other === name || listed.includes(other)) return []
  return [`imports ${other}, which the package.json of ${name} does not list`]
}

// A relative path into a neighbour is an import of it that hides from the manifest.
function acrossFolders({ path }: Source, specifier: string): string[] {
  if (!specifier.startsWith('.')) return []
  const home = packageFolder(path)
  const target = new URL(specifier, `file:///${path}`).pathname.slice(1)
  return packageFolder(target) === home ? [] : [`reaches into ${packageFolder(target)} by a relative path`]
}

function againstDatabaseOnly({ package: name }: Source, specifier: string): string[] {
  const isPg = specifier === 'pg' || /^pg[/-](?!boss)/.test(specifier)
  return isPg && name !== '@rekey/database' ? ['only @rekey/database imports pg'] : []
}

// Whoever carries an incident out, or verifies what came of it, may have no database.
function againstOffline({ path }: Source, specifier: string): string[] {
  if (!path.startsWith('packages/breakglass/src/') || workspacePackage(specifier) !== '@rekey/database') return []
  return specifier === '@rekey/database/offline' ? [] : ['takes of @rekey/database only what works offline']
}

const CLOCK_READS =
  /\bDate\.now\b|\bnew Date\(\s*\)|(?<![.\w])Date\(\s*\)|\bperformance\.(?:now|timeOrigin)\b|\bprocess\.(?:hrtime|uptime)\b|\bTemporal\.Now\b/g

// Everything else takes the time as an argument, so that a test can be at any moment. Measuring time is what a benchmark is for.
function clockReads({ path, text }: Source): string[] {
  if (/\/clock\.ts$|\/main\.ts$|\/bin\/|\/test\/|^(?:test|bench|faults|interop|browser|scripts)\//.test(path)) return []
  return [...code(text).matchAll(CLOCK_READS)].map(
    ([read]) => `reads the system clock (${read}); take it from clock.ts`,
  )
}

const IMPORTS =
  /(?:^|[^.\w])(?:import|export)\s(?:[^'"`;]*?\sfrom\s)?\s*['"]([^'"\n]+)['"]|(?:^|[^.\w])(?:import|require|import\.meta\.resolve|require\.resolve)\(\s*['"`]([^'"`\n]+)['"`]/g

/** What a source imports: statically, dynamically, for types, by require and by resolving. */
export function specifiersOf(text: string): string[] {
  return [...withoutComments(text).matchAll(IMPORTS)].map(([, static_, dynamic]) => static_ ?? dynamic ?? '')
}

function workspacePackage(specifier: string): string | undefined {
  const name = specifier.startsWith('@') ? specifier.split('/').slice(0, 2).join('/') : specifier.split('/')[0]
  return name === 'rekey' || name?.startsWith('@rekey/') ? name : undefined
}

function packageFolder(path: string): string {
  return /^(?:packages|examples)\/[^/]+|^[^/]+/.exec(path)?.[0] ?? path
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, ' ').replace(/(^|[^:'"`\\])\/\/[^\n]*/g, '$1')
}

function code(text: string): string {
  return withoutComments(text).replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''")
}
