// To be loaded before a command that runs on a terminal: the key x is an error that nobody catches, r a rejection that nobody awaits.
process.stdin.on('data', (keys) => {
  const bug = new Error('a bug at postgresql://app:canary@db1/shop')
  if (String(keys) === 'x') throw bug
  if (String(keys) === 'r') void Promise.reject(bug)
})
