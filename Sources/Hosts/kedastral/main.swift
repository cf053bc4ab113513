import Glibc
import KedastralHosting

exit(await AllInOneHost.main(Array(CommandLine.arguments.dropFirst())))
