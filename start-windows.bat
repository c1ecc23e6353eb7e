@echo off
rem Double-click, or drop an export on this file: sets kamkit up on first use (conda if it is there, else Python), then
rem leads from the export to the report. The notebooks open from its last window, or with: kamkit lab FOLDER
setlocal
chcp 65001 >nul
set PYTHONUTF8=1
set "KIT=%~dp0"
where conda >nul 2>nul
if not errorlevel 1 goto conda
set "KAMKIT=%KIT%.venv\Scripts\kamkit.exe"
if exist "%KAMKIT%" goto start
echo kamkit is set up once, this takes some minutes / kamkit wird einmal eingerichtet, das dauert einige Minuten
set "PYTHON=py -3"
py -3 --version >nul 2>nul || set "PYTHON=python"
%PYTHON% -c "import sys; sys.exit(sys.version_info < (3, 11))" || goto nopython
%PYTHON% -m venv "%KIT%.venv" || goto failed
"%KIT%.venv\Scripts\python.exe" -m pip install --quiet --editable "%KIT%." || goto failed
goto start
:conda
call conda env list | findstr /b /c:"kamkit " >nul && goto activate
echo kamkit is set up once, this takes some minutes / kamkit wird einmal eingerichtet, das dauert einige Minuten
pushd "%KIT%" || goto failed
call conda env create -f environment.yml || goto failed
popd
:activate
call conda activate kamkit || goto failed
set "KAMKIT=kamkit"
:start
"%KAMKIT%" start %*
if errorlevel 1 pause
exit /b 0
:nopython
echo.
echo Python 3.11 or newer is missing: please install it from python.org, then start again.
echo Python 3.11 oder neuer fehlt: bitte von python.org installieren, dann noch einmal starten.
pause
exit /b 1
:failed
echo.
echo kamkit could not be set up; the lines above say why. See README.md.
echo kamkit konnte nicht eingerichtet werden; die Zeilen darueber sagen, warum. Siehe README.md.
pause
exit /b 1
