/**
 * What runs in the second network namespace: listens on an address of its own and forwards to a server's socket, which
 * both namespaces share, for the file system is not parted. Ends when its standard input does.
 * This function may use nothing but its arguments and node's built-in modules.
 */
export function relay(): void {
  const { createInterface } = process.getBuiltinModule('node:readline')
  const net = process.getBuiltinModule('node:net')
  const forward = (host: string, port: number, socketPath: string): void => {
    const server = net.createServer({ allowHalfOpen: true }, (client) => {
      const target = net.connect({ path: socketPath, allowHalfOpen: true })
      client.setNoDelay(true)
      client.pipe(target).pipe(client)
      const end = (): void => {
        client.destroy()
        target.destroy()
      }
      // Whatever a server that is down does to its socket, the client sees a reset.
      target.on('error', () => {
        // A socket whose FIN is not out yet cannot be reset (see reset-socket.ts of hasql/testing).
        if (client.writableEnded) client.destroy()
        else client.resetAndDestroy()
        target.destroy()
      })
      client.on('error', end)
      target.on('close', () => setTimeout(end, 100))
      client.on('close', () => target.destroy())
    })
    server.listen(port, host, () => console.log('listening'))
  }
  createInterface({ input: process.stdin })
    .on('line', (line) => {
      const [host = '', port, socketPath = ''] = line.split(' ')
      forward(host, Number(port), socketPath)
    })
    .on('close', () => process.exit(0))
  console.log('ready')
}
