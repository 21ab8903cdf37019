#!/usr/bin/env node
// Plain JavaScript, so that the Node of the machine can start it whatever its age. Rekey itself is TypeScript for Node 24:
// on an older one this file hands over to the binary of the package `node` that is installed with the workspace.

const NEEDED = 24
const [major = 0] = process.versions.node.split('.').map(Number)

if (major >= NEEDED) await import('../src/main.ts')
else {
  const { handOver } = await import('./hand-over.js')
  await handOver(NEEDED)
}
