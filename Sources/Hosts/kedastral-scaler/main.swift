import Glibc
import KedastralHosting

exit(await ScalerHost.main(Array(CommandLine.arguments.dropFirst())))
