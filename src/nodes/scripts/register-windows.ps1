#Requires -RunAsAdministrator
<#
.SYNOPSIS
Makes this machine a node of AWS Systems Manager: installs the SSM agent where it is missing, and
registers it by the activation @ACTIVATION_ID@ in @REGION@.

.DESCRIPTION
Written by devaccess. It holds no secret: the activation code comes from a file, from standard input,
or is asked for.

.PARAMETER CodeFile
File with the activation code.

.PARAMETER Package
An AmazonSSMAgentSetup.exe to install instead of the one that AWS offers for download.

.PARAMETER Replace
Register anew a machine that is a node already.
#>
[CmdletBinding()]
param(
    [string] $CodeFile,
    [string] $Package,
    [switch] $Replace
)
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

$ActivationId = '@ACTIVATION_ID@'
$Region = '@REGION@'
$Download = '@DOWNLOAD@/windows_amd64/AmazonSSMAgentSetup.exe'

$Service = 'AmazonSSMAgent'
$Agent = Join-Path $env:ProgramFiles 'Amazon\SSM\amazon-ssm-agent.exe'
$Data = Join-Path $env:ProgramData 'Amazon\SSM\InstanceData'
$Registration = Join-Path $Data 'registration'
$VaultKey = Join-Path $Data 'Vault\Store\RegistrationKey'

# The id this machine is registered with; empty when it is not.
function Get-NodeId {
    foreach ($file in @($VaultKey, $Registration)) {
        if (-not (Test-Path -LiteralPath $file)) { continue }
        $text = [System.IO.File]::ReadAllText($file)
        if ($text -match '"(?:instanceID|ManagedInstanceID)"\s*:\s*"(mi-[0-9a-f]+)"') { return $Matches[1] }
        return ''
    }
    return ''
}

function Read-ActivationCode {
    if ($CodeFile) {
        $code = [string] (Get-Content -LiteralPath $CodeFile -TotalCount 1)
    } elseif ([Console]::IsInputRedirected) {
        $code = [string] [Console]::In.ReadLine()
    } else {
        $secure = Read-Host -AsSecureString 'Activation code'
        $code = (New-Object System.Net.NetworkCredential('', $secure)).Password
    }
    if ($code -cnotmatch '\A[A-Za-z0-9+/=_.-]{20,250}\z') { throw 'That is not an activation code.' }
    return $code
}

function Install-Agent([string] $Folder) {
    $setup = $Package
    if (-not $setup) {
        Write-Host "Downloading $Download"
        $setup = Join-Path $Folder 'AmazonSSMAgentSetup.exe'
        [System.Net.ServicePointManager]::SecurityProtocol = [System.Net.SecurityProtocolType]::Tls12
        (New-Object System.Net.WebClient).DownloadFile($Download, $setup)
    }
    $signature = Get-AuthenticodeSignature -LiteralPath $setup
    if ($signature.Status -ne 'Valid' -or
        $signature.SignerCertificate.Subject -notmatch '(\A|, )CN=Amazon\.com Services LLC(,|\z)') {
        throw "$setup is not signed by Amazon."
    }
    $log = Join-Path $Folder 'install.log'
    $run = Start-Process -FilePath $setup -ArgumentList @('/quiet', '/norestart', '/log', "`"$log`"") -Wait -PassThru
    # 3010: done, but Windows wants to be restarted.
    if (@(0, 3010) -notcontains $run.ExitCode) { throw "The installer failed with $($run.ExitCode)." }
    if (-not (Test-Path -LiteralPath $Agent)) { throw "The installer is done, but there is no $Agent." }
}

# The agent takes the code as an argument only: administrators, and an audit of process creation with
# command lines (event 4688), can see it.
function Register-Node([string] $Code) {
    Write-Host 'Registering; the agent takes the code as an argument, which an audit of processes may keep.'
    $arguments = @('-register', '-region', $Region, '-id', $ActivationId, '-code', $Code)
    if ($Replace) { $arguments += '-y' }
    # What a program writes to its error stream is no error by itself.
    $ErrorActionPreference = 'Continue'
    $output = '' | & $Agent $arguments 2>&1 | ForEach-Object { "$_" }
    if ($LASTEXITCODE -eq 0) { return }
    $output | Where-Object { -not $_.Contains($Code) } | Write-Host
    $ErrorActionPreference = 'Stop'
    throw "The agent could not register: is the activation $ActivationId still open in ${Region}?"
}

$former = Get-NodeId
if ($former -and -not $Replace) {
    throw "This machine is $former already; -Replace registers it anew."
}
$code = Read-ActivationCode
$work = Join-Path ([System.IO.Path]::GetTempPath()) ([System.IO.Path]::GetRandomFileName())
$null = New-Item -ItemType Directory -Path $work
try {
    if (-not (Test-Path -LiteralPath $Agent)) { Install-Agent $work }
    # The agent forgets a former registration before it tries the new one. Only administrators can
    # read the copy: the folder keeps others out of what lies in it.
    $kept = $former -and (Test-Path -LiteralPath $VaultKey)
    $isRegistered = $false
    try {
        Stop-Service -Name $Service
        if ($kept) { Copy-Item -LiteralPath $VaultKey -Destination "$VaultKey.devaccess" -Force }
        Register-Node $code
        $node = Get-NodeId
        if (-not $node -or $node -eq $former) { throw 'The agent is done, but has no registration.' }
        $isRegistered = $true
    } finally {
        $copy = $kept -and (Test-Path -LiteralPath "$VaultKey.devaccess")
        if ($copy -and $isRegistered) { Remove-Item -LiteralPath "$VaultKey.devaccess" }
        if ($former -and -not $isRegistered) {
            if ($copy) {
                Move-Item -LiteralPath "$VaultKey.devaccess" -Destination $VaultKey -Force
                Write-Host "This machine stays $former."
            }
            Start-Service -Name $Service
        }
    }
    Start-Service -Name $Service
    Write-Host "Registered in $Region; devaccess nodes list shows it when the agent has reported."
    if ($former) { Write-Host "Deregister what it was: devaccess nodes deregister $former" }
    Write-Output $node
} finally {
    Remove-Item -LiteralPath $work -Recurse -Force
}
